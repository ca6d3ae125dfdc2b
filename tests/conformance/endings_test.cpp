// How connections end under every engine: all at once, by what a session raises, and without a
// trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "support/rig.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

std::ptrdiff_t count_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

class EveryEngineEnds : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineEnds, AllWhoFinishInTheSameMoment) {
  constexpr std::size_t many = 200;
  const auto end = Clock::now() + 300ms;
  Rig rig(GetParam(), std::make_shared<Custom>([end](const Peer& /*peer*/, TimePoint now) -> Step {
            if (now < end) return Pause{end};
            return Finish{};
          }));
  std::vector<Fd> clients;
  for (std::size_t i = 0; i < many; ++i) {
    clients.push_back(connect_to(rig.address()));
    half_close(clients.back().get());
  }
  for (const auto& client : clients) EXPECT_EQ(hear(client.get()).ended.status, IoStatus::end);
  EXPECT_EQ(rig.reasons(many), std::vector<Reason>(many, Reason::finished));
}

TEST_P(EveryEngineEnds, ManyWhomItCutsAtOnce) {
  constexpr std::size_t many = 50;
  Rig rig(GetParam(), endless());
  std::vector<Fd> clients;
  for (std::size_t i = 0; i < many; ++i) clients.push_back(connect_to(rig.address()));
  for (const auto& client : clients) hear_first_line(client.get());
  rig.tell(Command::stop);
  for (const auto& client : clients) EXPECT_EQ(hear(client.get()).ended.status, IoStatus::error);
  EXPECT_EQ(rig.reasons(), std::vector<Reason>(many, Reason::shutdown));
}

TEST_P(EveryEngineEnds, AConnectionAloneWhoseSessionThrows) {
  Rig rig(GetParam(),
          std::make_shared<Custom>([steps = 0](const Peer& peer, TimePoint now) mutable -> Step {
            if (++steps % 2 == 0) return Pause{now + 20ms};
            if (peer.number == 1 && steps == 3) throw std::runtime_error("lost");
            if (steps == 5) return Finish{};
            return Write{"a\n"};
          }));
  const Fd failed = connect_to(rig.address());
  hear_first_line(failed.get());
  Fd kept = connect_to(rig.address());
  EXPECT_EQ(hear(failed.get()).ended.status, IoStatus::error);
  EXPECT_EQ(hear(kept.get()).bytes, "a\na\n");
  kept.reset();
  // In whatever order processes are found to have ended.
  EXPECT_THAT(rig.reasons(2), ::testing::UnorderedElementsAre(Reason::fault, Reason::finished));
}

TEST_P(EveryEngineEnds, AConnectionAloneWhoseSessionDoesNotOpen) {
  struct Picky : Custom {
    using Custom::Custom;
    std::unique_ptr<Session> open(const Peer& peer, TimePoint now) override {
      if (peer.number == 1) throw std::runtime_error("not you");
      return Custom::open(peer, now);
    }
  };
  Rig rig(GetParam(), std::make_shared<Picky>(
                          [](const Peer& /*peer*/, TimePoint /*now*/) { return Finish{}; }));
  const Fd refused = connect_to(rig.address());
  EXPECT_EQ(hear(refused.get()).ended.status, IoStatus::error);
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::fault});
  Fd served = connect_to(rig.address());
  EXPECT_EQ(hear(served.get()).ended.status, IoStatus::end);
  served.reset();
  // In whatever order processes are found to have ended.
  EXPECT_THAT(rig.reasons(2), ::testing::UnorderedElementsAre(Reason::fault, Reason::finished));
}

TEST_P(EveryEngineEnds, WithoutAThreadOrProcessLeft) {
  const auto before = count_threads();
  {
    Rig rig(GetParam(), endless());
    std::vector<Fd> clients;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(connect_to(rig.address()));
      hear_first_line(clients.back().get());
    }
    reset_on_close(clients.back().get());
    clients.pop_back();
    EXPECT_EQ(rig.reasons(1), std::vector{Reason::peer_reset});
    rig.tell(Command::stop);
    EXPECT_EQ(rig.reasons().size(), 10U);
  }
  EXPECT_TRUE(becomes_true([before] { return count_threads() <= before; }));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineEnds, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry
