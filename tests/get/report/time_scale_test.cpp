#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "poetry-get/report/timeline_chart.hpp"

namespace poetry::get::report {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

std::vector<std::string> labels(base::Duration whole, std::size_t max) {
  std::vector<std::string> texts;
  for (const auto& tick : ticks_of(whole, max)) texts.push_back(tick.label);
  return texts;
}

TEST(TimeScale, RoundsUpToWhatPeopleReadEasily) {
  EXPECT_EQ(round_time_up(0s), 1ns);
  EXPECT_EQ(round_time_up(20ms), 20ms);
  EXPECT_EQ(round_time_up(21ms), 50ms);
  EXPECT_EQ(round_time_up(11s), 20s);
  EXPECT_EQ(round_time_up(31s), 1min);
  EXPECT_EQ(round_time_up(61min), 2h);
  EXPECT_EQ(round_time_up(24h * 365), 24h * 512);
}

TEST(TimeScale, HasTicksInOneUnit) {
  EXPECT_THAT(labels(4003ms, 6), ElementsAre("0 s", "1 s", "2 s", "3 s", "4 s"));
  EXPECT_THAT(labels(1400ms, 5), ElementsAre("0 s", "0.5 s", "1 s"));
  EXPECT_THAT(labels(90ms, 4), ElementsAre("0 ms", "50 ms"));
  EXPECT_THAT(labels(150s, 4), ElementsAre("0 min", "1 min", "2 min"));
  EXPECT_THAT(labels(2500ns, 4), ElementsAre("0 µs", "1 µs", "2 µs"));
  EXPECT_THAT(labels(0s, 4), ElementsAre("0 s"));
}

TEST(TimeScale, HasNoMoreTicksThanAskedFor) {
  for (base::Duration whole = 1ns; whole < 100h; whole = whole * 17 / 10 + 1ns) {
    const auto ticks = ticks_of(whole, 7);
    EXPECT_LE(ticks.size(), 7U);
    EXPECT_GE(ticks.size(), 2U) << whole.count();
    EXPECT_LE(ticks.back().at, whole);
  }
}

}  // namespace
}  // namespace poetry::get::report
