#include "net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/loopback.hpp"

namespace poetry::net {
namespace {

TEST(Socket, EveryOneIsCloseOnExec) {
  const base::Fd listener = support::listen_on_loopback();
  const auto pair = support::connect_pair();
  for (const int fd : {listener.get(), pair.client.get(), pair.server.socket.get()}) {
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Socket, AcceptSaysWhenNothingWaits) {
  const base::Fd listener = support::listen_on_loopback();
  EXPECT_EQ(accept_from(listener.get()).error, std::errc::operation_would_block);
}

TEST(Socket, EndOfStreamAndResetAreValues) {
  auto pair = support::connect_pair();
  half_close(pair.server.socket.get());
  EXPECT_EQ(support::hear(pair.client.get()).ended.status, IoStatus::end);
  reset_on_close(pair.server.socket.get());
  pair.server.socket.reset();
  EXPECT_EQ(send_some(pair.client.get(), "x").status, IoStatus::error);
}

TEST(Socket, ListeningOnATakenPortNamesIt) {
  const base::Fd listener = support::listen_on_loopback();
  const auto address = local_address(listener.get());
  try {
    listen_on(address, 1);
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(error.what()).find(to_string(address)), std::string::npos);
  }
}

Address free_port_here() { return resolve({"127.0.0.1", 0}).addresses.front(); }

/// How many connections wait at a listener; they are taken.
std::size_t waiting_at(int listener) {
  std::size_t count = 0;
  while (accept_from(listener).socket) ++count;
  return count;
}

TEST(Socket, ListenersTogetherDivideTheConnections) {
  const auto listeners = listen_together(free_port_here(), 1000, 4);
  ASSERT_EQ(listeners.size(), 4U);
  const auto address = local_address(listeners.front().get());
  std::vector<base::Fd> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(open_socket(AF_INET, Blocking::yes));
    ASSERT_EQ(start_connect(clients.back().get(), address).status, IoStatus::ok);
  }
  std::size_t sum = 0;
  for (const auto& listener : listeners) {
    EXPECT_EQ(local_address(listener.get()), address);
    const auto count = waiting_at(listener.get());
    EXPECT_GT(count, 0U);
    sum += count;
  }
  EXPECT_EQ(sum, 200U);
}

TEST(Socket, ListenersTogetherLetNoServerInBeside) {
  const auto listeners = listen_together(free_port_here(), 1, 2);
  const auto address = local_address(listeners.front().get());
  EXPECT_THROW(listen_on(address, 1), std::system_error);
  EXPECT_THROW(listen_together(address, 1, 2), std::system_error);
  const auto alone = listen_on(free_port_here(), 1);
  EXPECT_THROW(listen_together(local_address(alone.get()), 1, 2), std::system_error);
}

}  // namespace
}  // namespace poetry::net
