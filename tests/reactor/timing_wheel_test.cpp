// The timing wheel in virtual time, against what a sorted list would do.
#include "reactor/timing_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "support/epoch.hpp"

namespace poetry::reactor {
namespace {

using namespace std::chrono_literals;

/// All that are due at `now`, in order.
std::vector<Timer*> take_due(TimingWheel& wheel, base::TimePoint now) {
  wheel.expire(now);
  std::vector<Timer*> due;
  while (auto* const timer = wheel.take()) due.push_back(timer);
  return due;
}

using Due = std::vector<Timer*>;

TEST(Timers, AreNeverEarlyAndLateByLessThanATick) {
  TimingWheel wheel(10ms);
  Timer one;
  wheel.expire(support::epoch);
  wheel.arm(one, support::epoch + 1ms);
  EXPECT_EQ(wheel.next(), support::epoch + 10ms);
  EXPECT_EQ(take_due(wheel, support::epoch + 10ms - 1ns), Due{});
  EXPECT_EQ(take_due(wheel, support::epoch + 10ms), Due{&one});
  EXPECT_FALSE(one.armed());
  EXPECT_EQ(wheel.next(), base::never);
}

TEST(Timers, OnATickAreMetAtIt) {
  TimingWheel wheel(10ms);
  Timer one;
  wheel.arm(one, support::epoch + 20ms);
  EXPECT_EQ(take_due(wheel, support::epoch + 20ms - 1ns), Due{});
  EXPECT_EQ(take_due(wheel, support::epoch + 20ms), Due{&one});
}

TEST(Timers, OfOneTickComeInTheirOrderAndTiesInTheOrderOfArming) {
  TimingWheel wheel(10ms);
  std::array<Timer, 4> all;
  wheel.arm(all[0], support::epoch + 8ms);
  wheel.arm(all[1], support::epoch + 5ms);
  wheel.arm(all[2], support::epoch + 5ms);
  wheel.arm(all[3], support::epoch + 1ms);
  wheel.arm(all[1], support::epoch + 5ms);  // armed again: after the one of the same time
  EXPECT_EQ(take_due(wheel, support::epoch + 1s), (Due{&all[3], &all[2], &all[1], &all[0]}));
}

TEST(Timers, KeepTheOrderOfArmingHoweverFarTheyWereThen) {
  TimingWheel wheel(1ms);
  std::array<Timer, 5> all;
  const auto at = support::epoch + 1h;
  auto now = support::epoch;
  for (auto& timer : all) {
    wheel.expire(now);
    wheel.arm(timer, at);
    now = at - (at - now) / 50;  // nearer each time, by a digit of the wheel or so
  }
  EXPECT_EQ(take_due(wheel, at), (Due{&all[0], &all[1], &all[2], &all[3], &all[4]}));
}

TEST(Timers, InThePastAreDueAtOnceWhateverTheTick) {
  TimingWheel wheel(1h);
  Timer past;
  Timer first;
  wheel.expire(support::epoch + 1ms);
  wheel.arm(past, support::epoch - 2h);
  wheel.arm(first, base::TimePoint::min());
  EXPECT_EQ(wheel.next(), base::TimePoint::min());
  EXPECT_EQ(take_due(wheel, support::epoch + 1ms), (Due{&first, &past}));
}

TEST(Timers, ArmedWhileOthersAreTakenWaitForTheNextTime) {
  TimingWheel wheel(1ms);
  Timer one;
  wheel.arm(one, support::epoch);
  wheel.expire(support::epoch);
  EXPECT_EQ(wheel.take(), &one);
  wheel.arm(one, base::TimePoint::min());
  EXPECT_EQ(wheel.take(), nullptr);
  EXPECT_EQ(take_due(wheel, support::epoch), Due{&one});
}

TEST(Timers, MayBeCancelledWhereverTheyStand) {
  TimingWheel wheel(1ms);
  std::array<Timer, 4> all;
  wheel.arm(all[0], support::epoch);
  wheel.arm(all[1], support::epoch + 1h);
  wheel.expire(support::epoch);
  wheel.arm(all[2], support::epoch - 1s);
  wheel.arm(all[3], support::epoch + 5ms);
  for (auto& timer : all) {
    EXPECT_TRUE(timer.armed());
    wheel.cancel(timer);
    wheel.cancel(timer);
    EXPECT_FALSE(timer.armed());
  }
  EXPECT_EQ(wheel.next(), base::never);
  EXPECT_EQ(take_due(wheel, support::epoch + 2h), Due{});
}

TEST(Timers, MayBeAsFarAsTheClockGoes) {
  TimingWheel wheel(1ns);
  Timer last;
  const auto end = base::never - 1ns;
  wheel.arm(last, end);
  int turns = 0;
  for (auto next = wheel.next(); next < end; next = wheel.next()) {
    EXPECT_EQ(take_due(wheel, next), Due{});
    ++turns;
  }
  EXPECT_LE(turns, 10);
  EXPECT_EQ(take_due(wheel, end), Due{&last});
}

TEST(Timers, AreUnarmedWhereTheWheelGoesFirst) {
  Timer one;
  {
    TimingWheel wheel(1ms);
    wheel.arm(one, support::epoch);
  }
  EXPECT_FALSE(one.armed());
}

/// A million timers with jitter, of which some are moved and some cancelled, a turn at each time
/// that next() names or later. What is due is compared with a sorted list of the same.
TEST(Timers, AMillionAgreeWithASortedListThroughJitterMovesAndCancellations) {
  constexpr auto tick = 1ms;
  constexpr std::size_t count = 1'000'000;
  std::mt19937_64 random(7);
  TimingWheel wheel(tick);
  wheel.expire(support::epoch);
  struct Numbered : Timer {
    std::uint64_t arming = 0;  // the how manieth, in the whole test
  };
  std::deque<Numbered> all(count);
  std::uint64_t armings = 0;
  const auto arm = [&](Numbered& timer, base::TimePoint at) {
    wheel.arm(timer, at);
    timer.arming = ++armings;
  };
  const auto jittered = [&] {
    return support::epoch + base::Duration(random() % base::Duration(10s).count());
  };
  for (auto& timer : all) arm(timer, jittered());
  for (std::size_t i = 0; i < count / 2; ++i) {
    auto& timer = all[random() % count];
    if (i % 2 == 0) {
      wheel.cancel(timer);
    } else {
      arm(timer, jittered());
    }
  }
  auto left = std::count_if(all.begin(), all.end(), [](auto& each) { return each.armed(); });
  EXPECT_LT(left, static_cast<std::ptrdiff_t>(count));

  base::TimePoint last_turn = support::epoch;
  while (left > 0) {
    const auto next = wheel.next();
    ASSERT_GT(next, last_turn);
    const auto now = next + base::Duration(random() % base::Duration(2ms).count());
    const Numbered* before = nullptr;
    for (auto* const due : take_due(wheel, now)) {
      const auto* const timer = static_cast<Numbered*>(due);
      ASSERT_LE(timer->at(), now) << "early";
      ASSERT_GT(timer->at(), last_turn - tick) << "late by a tick or more";
      if (before != nullptr) {
        ASSERT_LT(std::pair(before->at(), before->arming), std::pair(timer->at(), timer->arming))
            << "out of order";
      }
      before = timer;
      --left;
    }
    last_turn = now;
  }
  EXPECT_EQ(wheel.next(), base::never);
}

/// As a server does it: each of many clients is armed anew for its next line as often as it is
/// served, on an absolute schedule.
TEST(Timers, OfManyClientsDoNotDrift) {
  struct Client : Timer {
    base::TimePoint base;
    int line = 0;
  };
  constexpr int lines = 100;
  std::mt19937 random(11);
  TimingWheel wheel(10ms);
  wheel.expire(support::epoch);
  std::deque<Client> clients(10'000);
  for (auto& client : clients) {
    client.base = support::epoch + std::chrono::microseconds(random() % 1'000'000);
    wheel.arm(client, client.base);
  }
  int served = 0;
  for (auto now = wheel.next(); now != base::never; now = wheel.next()) {
    wheel.expire(now);
    while (auto* const timer = wheel.take()) {
      auto& client = static_cast<Client&>(*timer);
      ASSERT_EQ(client.at(), client.base + client.line * 1s);
      ASSERT_GE(now, client.at());
      ASSERT_LT(now, client.at() + 10ms);
      ++served;
      if (++client.line < lines) wheel.arm(client, client.base + client.line * 1s);
    }
  }
  EXPECT_EQ(served, lines * 10'000);
}

}  // namespace
}  // namespace poetry::reactor
