#include "base/quantity.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace poetry::base {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsUnitsAndBareSeconds) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("0.5"), 500ms);
  EXPECT_EQ(parse_duration(".5"), 500ms);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("7us"), 7us);
  EXPECT_EQ(parse_duration("1ns"), 1ns);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1h2m3.5s"), 1h + 2min + 3500ms);
  EXPECT_EQ(parse_duration("1s1ns"), 1s + 1ns);
}

TEST(Duration, IsWrittenAsItIsRead) {
  for (const auto* text : {"60s", "250ms", "1us", "1500ms", "0"}) {
    EXPECT_EQ(format_duration(parse_duration(text)), text);
  }
}

TEST(Size, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("40B"), 40U);
  EXPECT_EQ(parse_size("40"), 40U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("1MB"), 1'000'000U);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(parse_size("9223372036854775807"), 9223372036854775807U);
  EXPECT_EQ(format_size(65536), "64KiB");
  EXPECT_EQ(format_size(41), "41B");
}

class BadDuration : public testing::TestWithParam<const char*> {};
TEST_P(BadDuration, IsRefusedByName) {
  try {
    parse_duration(GetParam());
    FAIL() << GetParam();
  } catch (const UsageError& error) {
    EXPECT_TRUE(std::string(error.what()).ends_with(std::string(": ") + GetParam()));
  }
}
INSTANTIATE_TEST_SUITE_P(Texts, BadDuration,
                         testing::Values("", "x", "-5", "1x", "1 s", "s", ".", "1.2.3", "1e3",
                                         "99999999999999999999999999999999", "876001h", "+1",
                                         "0x10", "1s ", "inf", "1,5", "876000h1s"));

TEST(Duration, SaysWhatItMayBe) {
  const auto said = [](const char* text) {
    try {
      parse_duration(text);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  EXPECT_EQ(said("1x"), "unknown unit of a duration (valid: h, m, s, ms, us, ns): 1x");
  EXPECT_EQ(said("1,5"), "not a duration (a point stands before its decimals): 1,5");
  for (const auto* text : {"1s30m", "1m1m", "1m30", "1m30s5"})
    EXPECT_EQ(said(text), "not a duration (larger units come first): " + std::string(text));
}

class BadSize : public testing::TestWithParam<const char*> {};
TEST_P(BadSize, IsRefused) { EXPECT_THROW(parse_size(GetParam()), UsageError); }
INSTANTIATE_TEST_SUITE_P(Texts, BadSize,
                         testing::Values("", "x", "-1", "1.5", "0.3KB4", "9223372036854775808",
                                         "9999999999GiB", "1K", "1 B"));

TEST(Count, KeepsItsRange) {
  EXPECT_EQ(parse_count("65535", "port", 0, 65535), 65535U);
  for (const auto* text : {"65536", "-1", "", "1x", " 1", "99999999999999999999999"}) {
    EXPECT_THROW(parse_count(text, "port", 0, 65535), UsageError) << text;
  }
}

TEST(Later, NeverOverflows) {
  const TimePoint start{};
  EXPECT_EQ(later(start, 2s, 3), start + 6s);
  EXPECT_EQ(later(start, 1h, std::numeric_limits<std::uint64_t>::max()), never);
  EXPECT_EQ(later(start + 1s, Duration::max()), never);
  EXPECT_EQ(later(start, 0s, std::numeric_limits<std::uint64_t>::max() / 4), start);
}

}  // namespace
}  // namespace poetry::base
