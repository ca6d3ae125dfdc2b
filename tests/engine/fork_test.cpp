// What is particular to the engine with a process a connection.
#include <gtest/gtest.h>

#include <csignal>

#include "base/shared_memory.hpp"
#include "support/rig.hpp"

namespace poetry {
namespace {

/// Sends the number of the process that serves it, and a newline, and listens for ever.
std::shared_ptr<Service> tell_process() {
  return std::make_shared<Custom>(
      [text = std::string()](const Peer& peer, TimePoint /*now*/) mutable -> Step {
        if (!text.empty()) return Listen{};
        text = std::to_string(peer.process) + "\n";
        return Write{text};
      });
}

pid_t hear_process(int socket) {
  std::string text;
  std::array<char, 1> letter{};
  while (receive_some(socket, letter).bytes == 1 && letter[0] != '\n') text += letter[0];
  return text.empty() ? 0 : std::stoi(text);
}

TEST(Fork, EachConnectionHasAProcessOfItsOwn) {
  Rig rig("fork", tell_process());
  const Fd one = connect_to(rig.address());
  const Fd other = connect_to(rig.address());
  const auto first = hear_process(one.get());
  const auto second = hear_process(other.get());
  EXPECT_NE(first, ::getpid());
  EXPECT_NE(second, ::getpid());
  EXPECT_NE(first, second);
}

TEST(Fork, AChildThatIsKilledIsReported) {
  Rig rig("fork", tell_process());
  const Fd one = connect_to(rig.address());
  const Fd other = connect_to(rig.address());
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
  Rig rig("fork", std::make_shared<Custom>(
                      [](const Peer& /*peer*/, TimePoint /*now*/) -> Step { ::_exit(0); }));
  const Fd client = connect_to(rig.address());
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
}

TEST(SharedMemory, IsOneObjectForParentAndChild) {
  const auto counters = make_shared_memory<Counters>();
  counters->bytes_sent = 1;
  Rig rig("fork",
          std::make_shared<Custom>([counters](const Peer& /*peer*/, TimePoint /*now*/) -> Step {
            counters->bytes_sent += 41;
            return Abort{};
          }));
  const Fd client = connect_to(rig.address());
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
  EXPECT_EQ(counters->bytes_sent, 42U);
}

}  // namespace
}  // namespace poetry
