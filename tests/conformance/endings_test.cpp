// How connections end under every engine: all at once, by what a session raises, and without a
// trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

std::ptrdiff_t count_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

class EveryEngineEnds : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineEnds, AllWhoFinishInTheSameMoment) {
  constexpr std::size_t many = 200;
  const auto end = base::Clock::now() + 300ms;
  support::Rig rig(GetParam(),
                   std::make_shared<support::Custom>(
                       [end](const session::Peer& /*peer*/, base::TimePoint now) -> session::Step {
                         if (now < end) return session::Pause{end};
                         return session::Finish{};
                       }));
  std::vector<base::Fd> clients;
  for (std::size_t i = 0; i < many; ++i) {
    clients.push_back(support::connect_to(rig.address()));
    net::half_close(clients.back().get());
  }
  for (const auto& client : clients)
    EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::end);
  EXPECT_EQ(rig.reasons(many), std::vector<engine::Reason>(many, engine::Reason::finished));
}

TEST_P(EveryEngineEnds, ManyWhomItCutsAtOnce) {
  constexpr std::size_t many = 50;
  support::Rig rig(GetParam(), support::endless());
  std::vector<base::Fd> clients;
  for (std::size_t i = 0; i < many; ++i) clients.push_back(support::connect_to(rig.address()));
  for (const auto& client : clients) support::hear_first_line(client.get());
  rig.tell(engine::Command::stop);
  for (const auto& client : clients)
    EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::error);
  EXPECT_EQ(rig.reasons(), std::vector<engine::Reason>(many, engine::Reason::shutdown));
}

TEST_P(EveryEngineEnds, AConnectionAloneWhoseSessionThrows) {
  support::Rig rig(GetParam(), std::make_shared<support::Custom>(
                                   [steps = 0](const session::Peer& peer,
                                               base::TimePoint now) mutable -> session::Step {
                                     if (++steps % 2 == 0) return session::Pause{now + 20ms};
                                     if (peer.number == 1 && steps == 3)
                                       throw std::runtime_error("lost");
                                     if (steps == 5) return session::Finish{};
                                     return session::Write{"a\n"};
                                   }));
  const base::Fd failed = support::connect_to(rig.address());
  support::hear_first_line(failed.get());
  base::Fd kept = support::connect_to(rig.address());
  EXPECT_EQ(support::hear(failed.get()).ended.status, net::IoStatus::error);
  EXPECT_EQ(support::hear(kept.get()).bytes, "a\na\n");
  kept.reset();
  // In whatever order processes are found to have ended.
  EXPECT_THAT(rig.reasons(2),
              ::testing::UnorderedElementsAre(engine::Reason::fault, engine::Reason::finished));
}

TEST_P(EveryEngineEnds, AConnectionAloneWhoseSessionDoesNotOpen) {
  struct Picky : support::Custom {
    using support::Custom::Custom;
    std::unique_ptr<session::Session> open(const session::Peer& peer,
                                           base::TimePoint now) override {
      if (peer.number == 1) throw std::runtime_error("not you");
      return support::Custom::open(peer, now);
    }
  };
  support::Rig rig(GetParam(), std::make_shared<Picky>(
                                   [](const session::Peer& /*peer*/, base::TimePoint /*now*/) {
                                     return session::Finish{};
                                   }));
  const base::Fd refused = support::connect_to(rig.address());
  EXPECT_EQ(support::hear(refused.get()).ended.status, net::IoStatus::error);
  EXPECT_EQ(rig.reasons(1), std::vector{engine::Reason::fault});
  base::Fd served = support::connect_to(rig.address());
  EXPECT_EQ(support::hear(served.get()).ended.status, net::IoStatus::end);
  served.reset();
  // In whatever order processes are found to have ended.
  EXPECT_THAT(rig.reasons(2),
              ::testing::UnorderedElementsAre(engine::Reason::fault, engine::Reason::finished));
}

TEST_P(EveryEngineEnds, WithoutAThreadOrProcessLeft) {
  const auto before = count_threads();
  {
    support::Rig rig(GetParam(), support::endless());
    std::vector<base::Fd> clients;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(support::connect_to(rig.address()));
      support::hear_first_line(clients.back().get());
    }
    net::reset_on_close(clients.back().get());
    clients.pop_back();
    EXPECT_EQ(rig.reasons(1), std::vector{engine::Reason::peer_reset});
    rig.tell(engine::Command::stop);
    EXPECT_EQ(rig.reasons().size(), 10U);
  }
  EXPECT_TRUE(support::becomes_true([before] { return count_threads() <= before; }));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineEnds, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry::conformance
