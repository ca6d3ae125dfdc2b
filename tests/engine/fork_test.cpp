// What is particular to the engine with a process a connection.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>

#include "base/shared_memory.hpp"
#include "support/rig.hpp"

namespace poetry::engine {
namespace {

/// Sends the number of the process that serves it, and a newline, and listens for ever.
std::shared_ptr<session::Service> tell_process() {
  return std::make_shared<support::Custom>(
      [text = std::string()](const session::Peer& peer,
                             base::TimePoint /*now*/) mutable -> session::Step {
        if (!text.empty()) return session::Listen{};
        text = std::to_string(peer.process) + "\n";
        return session::Write{text};
      });
}

pid_t hear_process(int socket) {
  std::string text;
  std::array<char, 1> letter{};
  while (net::receive_some(socket, letter).bytes == 1 && letter[0] != '\n') text += letter[0];
  return text.empty() ? 0 : std::stoi(text);
}

TEST(Fork, EachConnectionHasAProcessOfItsOwn) {
  support::Rig rig("fork", tell_process());
  const base::Fd one = support::connect_to(rig.address());
  const base::Fd other = support::connect_to(rig.address());
  const auto first = hear_process(one.get());
  const auto second = hear_process(other.get());
  EXPECT_NE(first, ::getpid());
  EXPECT_NE(second, ::getpid());
  EXPECT_NE(first, second);
}

TEST(Fork, AChildThatIsKilledIsReported) {
  support::Rig rig("fork", tell_process());
  const base::Fd one = support::connect_to(rig.address());
  const base::Fd other = support::connect_to(rig.address());
  const auto victim = hear_process(one.get());
  const auto survivor = hear_process(other.get());
  ASSERT_GT(victim, 1);
  ASSERT_NE(victim, ::getpid());
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
  EXPECT_EQ(::kill(survivor, 0), 0);
  EXPECT_EQ(::kill(victim, 0), -1) << "nor is a zombie left";
}

TEST(Fork, AChildThatEndsItselfIsReported) {
  support::Rig rig("fork", std::make_shared<support::Custom>(
                               [](const session::Peer& /*peer*/,
                                  base::TimePoint /*now*/) -> session::Step { ::_exit(0); }));
  const base::Fd client = support::connect_to(rig.address());
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
}

TEST(Fork, AChildThatTakesLongToEndHoldsUpNobody) {
  support::Rig rig("fork",
                   std::make_shared<support::Custom>(
                       [text = std::string()](const session::Peer& peer,
                                              base::TimePoint /*now*/) mutable -> session::Step {
                         if (!text.empty() && peer.number == 1) {
                           ::close_range(STDERR_FILENO + 1, ~0U, 0);  // as at its end
                           ::sleep(10);
                         }
                         if (!text.empty()) return session::Listen{};
                         text = std::to_string(peer.process) + "\n";
                         return session::Write{text};
                       }));
  const base::Fd one = support::connect_to(rig.address());
  const auto victim = hear_process(one.get());
  ASSERT_GT(victim, 1);
  std::array<char, 1> letter{};
  EXPECT_EQ(net::receive_some(one.get(), letter).status, net::IoStatus::end);
  const base::Fd other = support::connect_to(rig.address());
  EXPECT_GT(hear_process(other.get()), 1);
  ASSERT_EQ(::kill(victim, SIGKILL), 0) << "it was waited for";
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
}

TEST(SharedMemory, IsOneObjectForParentAndChild) {
  const auto counters = base::make_shared_memory<Counters>();
  counters->bytes_sent = 1;
  support::Rig rig("fork", std::make_shared<support::Custom>(
                               [counters](const session::Peer& /*peer*/,
                                          base::TimePoint /*now*/) -> session::Step {
                                 counters->bytes_sent += 41;
                                 return session::Abort{};
                               }));
  const base::Fd client = support::connect_to(rig.address());
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
  EXPECT_EQ(counters->bytes_sent, 42U);
}

}  // namespace
}  // namespace poetry::engine
