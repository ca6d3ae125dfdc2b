#include "net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/loopback.hpp"

namespace poetry {
namespace {

TEST(Socket, EveryOneIsCloseOnExec) {
  const Fd listener = listen_on_loopback();
  const auto pair = connect_pair();
  for (const int fd : {listener.get(), pair.client.get(), pair.server.socket.get()}) {
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Socket, AcceptSaysWhenNothingWaits) {
  const Fd listener = listen_on_loopback();
  EXPECT_EQ(accept_from(listener.get()).error, std::errc::operation_would_block);
}

TEST(Socket, EndOfStreamAndResetAreValues) {
  auto pair = connect_pair();
  half_close(pair.server.socket.get());
  EXPECT_EQ(hear(pair.client.get()).ended.status, IoStatus::end);
  reset_on_close(pair.server.socket.get());
  pair.server.socket.reset();
  EXPECT_EQ(send_some(pair.client.get(), "x").status, IoStatus::error);
}

TEST(Socket, ListeningOnATakenPortNamesIt) {
  const Fd listener = listen_on_loopback();
  const auto address = local_address(listener.get());
  try {
    listen_on(address, 1);
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(error.what()).find(to_string(address)), std::string::npos);
  }
}

}  // namespace
}  // namespace poetry
