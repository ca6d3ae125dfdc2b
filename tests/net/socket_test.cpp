#include "net/socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>

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

/// From now on accept4(2) fails with this error in this process. False where that is forbidden.
bool have_accept_fail(int error) {
  const auto refusal = SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_accept4, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refusal),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{code.size(), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class LostConnection : public testing::TestWithParam<int> {};

TEST_P(LostConnection, IsPassedOverForTheNext) {
  const base::Fd listener = support::listen_on_loopback();
  const auto accept_for_ever = [&] {
    const itimerval moment{{}, {0, 100'000}};
    if (!have_accept_fail(GetParam())) std::raise(SIGALRM);  // there is nothing to see then
    ::setitimer(ITIMER_REAL, &moment, nullptr);
    accept_from(listener.get());
    ::_exit(EXIT_SUCCESS);
  };
  EXPECT_EXIT(accept_for_ever(), testing::KilledBySignal(SIGALRM), "");
}

// Those of accept(2), "Error handling".
INSTANTIATE_TEST_SUITE_P(OfEveryKind, LostConnection,
                         testing::Values(ECONNABORTED, EINTR, ENETDOWN, EPROTO, ENOPROTOOPT,
                                         EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH));

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

TEST(Socket, ListensBesideWhatIsLeftOfEarlierConnections) {
  auto pair = support::connect_pair();
  const auto address = local_address(pair.server.socket.get());
  half_close(pair.server.socket.get());  // the first to end is remembered for a minute
  EXPECT_EQ(support::hear(pair.client.get()).ended.status, IoStatus::end);
  pair.client.reset();
  pair.server.socket.reset();
  EXPECT_EQ(local_address(listen_on(address, 1).get()), address);
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
