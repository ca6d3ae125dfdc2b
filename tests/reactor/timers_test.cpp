#include "reactor/timers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>

namespace poetry {
namespace {

constexpr TimePoint at(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

TEST(Timers, GiveTheEarliestFirstAndNoneEarly) {
  Timers timers;
  Timer late;
  Timer soon;
  timers.arm(late, at(2));
  timers.arm(soon, at(1));
  EXPECT_EQ(timers.next(), at(1));
  EXPECT_EQ(timers.take_due(at(1) - Duration(1)), nullptr);
  EXPECT_EQ(timers.take_due(at(3)), &soon);
  EXPECT_FALSE(soon.armed());
  EXPECT_EQ(timers.take_due(at(3)), &late);
  EXPECT_EQ(timers.take_due(at(3)), nullptr);
  EXPECT_EQ(timers.next(), never);
}

TEST(Timers, BreakTiesByArmingOrder) {
  Timers timers;
  std::array<Timer, 20> all;
  for (auto& timer : all) timers.arm(timer, at(1));
  timers.arm(all[0], at(1));  // armed again: the last now
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(timers.take_due(at(1)), &all[i]);
  EXPECT_EQ(timers.take_due(at(1)), &all[0]);
}

TEST(Timers, MoveAndCancel) {
  Timers timers;
  Timer one;
  Timer two;
  timers.arm(one, at(1));
  timers.arm(two, at(2));
  timers.arm(one, at(3));
  EXPECT_EQ(one.at(), at(3));
  EXPECT_EQ(timers.size(), 2U);
  timers.cancel(two);
  timers.cancel(two);
  EXPECT_EQ(timers.take_due(at(9)), &one);
  EXPECT_EQ(timers.size(), 0U);
}

TEST(Timers, AgreeWithSortingAfterRandomChanges) {
  std::mt19937 random(7);
  Timers timers;
  std::deque<Timer> all(200);
  for (int change = 0; change < 5000; ++change) {
    Timer& timer = all[random() % all.size()];
    if (random() % 4 == 0) {
      timers.cancel(timer);
    } else {
      timers.arm(timer, at(static_cast<int>(random() % 1000)));
    }
  }
  const auto armed = std::count_if(all.begin(), all.end(), [](auto& t) { return t.armed(); });
  EXPECT_EQ(timers.size(), static_cast<std::size_t>(armed));
  TimePoint last = TimePoint::min();
  while (const Timer* timer = timers.take_due(at(1000))) {
    EXPECT_GE(timer->at(), last);
    last = timer->at();
  }
  EXPECT_EQ(timers.size(), 0U);
}

}  // namespace
}  // namespace poetry
