// The timing wheel in virtual time, against what a sorted list would do.
#include "engine/deadlines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "support/epoch.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// All that are due at `now`, in order.
std::vector<Deadline*> take_due(Deadlines& deadlines, TimePoint now) {
  deadlines.expire(now);
  std::vector<Deadline*> due;
  while (auto* const deadline = deadlines.take()) due.push_back(deadline);
  return due;
}

using Due = std::vector<Deadline*>;

TEST(Deadlines, AreNeverEarlyAndLateByLessThanATick) {
  Deadlines deadlines(10ms);
  Deadline one;
  deadlines.expire(epoch);
  deadlines.arm(one, epoch + 1ms);
  EXPECT_EQ(deadlines.next(), epoch + 10ms);
  EXPECT_EQ(take_due(deadlines, epoch + 10ms - 1ns), Due{});
  EXPECT_EQ(take_due(deadlines, epoch + 10ms), Due{&one});
  EXPECT_FALSE(one.armed());
  EXPECT_EQ(deadlines.next(), never);
}

TEST(Deadlines, OnATickAreMetAtIt) {
  Deadlines deadlines(10ms);
  Deadline one;
  deadlines.arm(one, epoch + 20ms);
  EXPECT_EQ(take_due(deadlines, epoch + 20ms - 1ns), Due{});
  EXPECT_EQ(take_due(deadlines, epoch + 20ms), Due{&one});
}

TEST(Deadlines, OfOneTickComeInTheirOrderAndTiesInTheOrderOfArming) {
  Deadlines deadlines(10ms);
  std::array<Deadline, 4> all;
  deadlines.arm(all[0], epoch + 8ms);
  deadlines.arm(all[1], epoch + 5ms);
  deadlines.arm(all[2], epoch + 5ms);
  deadlines.arm(all[3], epoch + 1ms);
  deadlines.arm(all[1], epoch + 5ms);  // armed again: after the one of the same time
  EXPECT_EQ(take_due(deadlines, epoch + 1s), (Due{&all[3], &all[2], &all[1], &all[0]}));
}

TEST(Deadlines, KeepTheOrderOfArmingHoweverFarTheyWereThen) {
  Deadlines deadlines(1ms);
  std::array<Deadline, 5> all;
  const auto at = epoch + 1h;
  auto now = epoch;
  for (auto& deadline : all) {
    deadlines.expire(now);
    deadlines.arm(deadline, at);
    now = at - (at - now) / 50;  // nearer each time, by a digit of the wheel or so
  }
  EXPECT_EQ(take_due(deadlines, at), (Due{&all[0], &all[1], &all[2], &all[3], &all[4]}));
}

TEST(Deadlines, InThePastAreDueAtOnceWhateverTheTick) {
  Deadlines deadlines(1h);
  Deadline past;
  Deadline first;
  deadlines.expire(epoch + 1ms);
  deadlines.arm(past, epoch - 2h);
  deadlines.arm(first, TimePoint::min());
  EXPECT_EQ(deadlines.next(), TimePoint::min());
  EXPECT_EQ(take_due(deadlines, epoch + 1ms), (Due{&first, &past}));
}

TEST(Deadlines, ArmedWhileOthersAreTakenWaitForTheNextTime) {
  Deadlines deadlines(1ms);
  Deadline one;
  deadlines.arm(one, epoch);
  deadlines.expire(epoch);
  EXPECT_EQ(deadlines.take(), &one);
  deadlines.arm(one, TimePoint::min());
  EXPECT_EQ(deadlines.take(), nullptr);
  EXPECT_EQ(take_due(deadlines, epoch), Due{&one});
}

TEST(Deadlines, MayBeCancelledWhereverTheyStand) {
  Deadlines deadlines(1ms);
  std::array<Deadline, 4> all;
  deadlines.arm(all[0], epoch);
  deadlines.arm(all[1], epoch + 1h);
  deadlines.expire(epoch);
  deadlines.arm(all[2], epoch - 1s);
  deadlines.arm(all[3], epoch + 5ms);
  for (auto& deadline : all) {
    EXPECT_TRUE(deadline.armed());
    deadlines.cancel(deadline);
    deadlines.cancel(deadline);
    EXPECT_FALSE(deadline.armed());
  }
  EXPECT_EQ(deadlines.next(), never);
  EXPECT_EQ(take_due(deadlines, epoch + 2h), Due{});
}

TEST(Deadlines, MayBeAsFarAsTheClockGoes) {
  Deadlines deadlines(1ns);
  Deadline last;
  const auto end = never - 1ns;
  deadlines.arm(last, end);
  int turns = 0;
  for (auto next = deadlines.next(); next < end; next = deadlines.next()) {
    EXPECT_EQ(take_due(deadlines, next), Due{});
    ++turns;
  }
  EXPECT_LE(turns, 10);
  EXPECT_EQ(take_due(deadlines, end), Due{&last});
}

TEST(Deadlines, AreUnarmedWhereTheWheelGoesFirst) {
  Deadline one;
  {
    Deadlines deadlines(1ms);
    deadlines.arm(one, epoch);
  }
  EXPECT_FALSE(one.armed());
}

/// A million deadlines with jitter, of which some are moved and some cancelled, a turn at each time
/// that next() names or later. What is due is compared with a sorted list of the same.
TEST(Deadlines, AMillionAgreeWithASortedListThroughJitterMovesAndCancellations) {
  constexpr auto tick = 1ms;
  constexpr std::size_t count = 1'000'000;
  std::mt19937_64 random(7);
  Deadlines deadlines(tick);
  deadlines.expire(epoch);
  struct Numbered : Deadline {
    std::uint64_t arming = 0;  // the how manieth, in the whole test
  };
  std::deque<Numbered> all(count);
  std::uint64_t armings = 0;
  const auto arm = [&](Numbered& deadline, TimePoint at) {
    deadlines.arm(deadline, at);
    deadline.arming = ++armings;
  };
  const auto jittered = [&] { return epoch + Duration(random() % Duration(10s).count()); };
  for (auto& deadline : all) arm(deadline, jittered());
  for (std::size_t i = 0; i < count / 2; ++i) {
    auto& deadline = all[random() % count];
    if (i % 2 == 0) {
      deadlines.cancel(deadline);
    } else {
      arm(deadline, jittered());
    }
  }
  auto left = std::count_if(all.begin(), all.end(), [](auto& each) { return each.armed(); });
  EXPECT_LT(left, static_cast<std::ptrdiff_t>(count));

  TimePoint last_turn = epoch;
  while (left > 0) {
    const auto next = deadlines.next();
    ASSERT_GT(next, last_turn);
    const auto now = next + Duration(random() % Duration(2ms).count());
    const Numbered* before = nullptr;
    for (auto* const due : take_due(deadlines, now)) {
      const auto* const deadline = static_cast<Numbered*>(due);
      ASSERT_LE(deadline->at(), now) << "early";
      ASSERT_GT(deadline->at(), last_turn - tick) << "late by a tick or more";
      if (before != nullptr) {
        ASSERT_LT(std::pair(before->at(), before->arming),
                  std::pair(deadline->at(), deadline->arming))
            << "out of order";
      }
      before = deadline;
      --left;
    }
    last_turn = now;
  }
  EXPECT_EQ(deadlines.next(), never);
}

/// As a server does it: each of many clients is armed anew for its next line as often as it is
/// served, on an absolute schedule.
TEST(Deadlines, OfManyClientsDoNotDrift) {
  struct Client : Deadline {
    TimePoint base;
    int line = 0;
  };
  constexpr int lines = 100;
  std::mt19937 random(11);
  Deadlines deadlines(10ms);
  deadlines.expire(epoch);
  std::deque<Client> clients(10'000);
  for (auto& client : clients) {
    client.base = epoch + std::chrono::microseconds(random() % 1'000'000);
    deadlines.arm(client, client.base);
  }
  int served = 0;
  for (auto now = deadlines.next(); now != never; now = deadlines.next()) {
    deadlines.expire(now);
    while (auto* const deadline = deadlines.take()) {
      auto& client = static_cast<Client&>(*deadline);
      ASSERT_EQ(client.at(), client.base + client.line * 1s);
      ASSERT_GE(now, client.at());
      ASSERT_LT(now, client.at() + 10ms);
      ++served;
      if (++client.line < lines) deadlines.arm(client, client.base + client.line * 1s);
    }
  }
  EXPECT_EQ(served, lines * 10'000);
}

}  // namespace
}  // namespace poetry
