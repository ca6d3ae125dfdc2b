#include "faults/fault_spec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/seed.hpp"

namespace poetry::faults {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

FaultPlan parse(const Texts& texts) { return parse_faults(texts); }

/// Which faults the port's `number`th connection gets.
Texts chosen(const Texts& texts, std::uint64_t number = 1, std::uint64_t seed = 0) {
  const auto plan = parse(texts);
  Texts all;
  for (const auto* fault : plan.choose({number, seed})) all.push_back(fault->text);
  return all;
}

bool gets(const Texts& faults, const std::string& fault) {
  return std::find(faults.begin(), faults.end(), fault) != faults.end();
}

TEST(FaultSpec, EveryFaultIsReadAsWritten) {
  const auto one = [](const std::string& text) { return *parse({text}).choose({3}).at(0); };
  EXPECT_EQ(one("stall-after=4KiB").amount, 4096U);
  EXPECT_EQ(one("stall-after=4KiB").unit, Fault::Unit::bytes);
  EXPECT_FALSE(one("stall-after=0").last);
  EXPECT_EQ(one("stall-after=0").hold, base::Duration::max());
  EXPECT_EQ(one("stall-after=2lines,for=1m30s").hold, 90s);
  EXPECT_EQ(one("stall-after=3s").unit, Fault::Unit::time);
  EXPECT_EQ(one("100%:close-after=1.5s").by, 1500ms);
  EXPECT_EQ(one("close-after=12lines").amount, 12U);
  EXPECT_EQ(one("close-after=1line").unit, Fault::Unit::lines);
  EXPECT_EQ(std::get<session::Finish>(*one("close-after=1line").last).ending,
            session::Ending::fault);
  EXPECT_TRUE(std::holds_alternative<session::Abort>(*one("#3:reset-after=40B").last));
  EXPECT_EQ(one("reset-after=40B").hold, 100ms);
  EXPECT_EQ(one("reset-after=0B,gap=0").hold, 0s);
  EXPECT_EQ(one("#3:reset-after=40B").text, "#3:reset-after=40B");
  EXPECT_EQ(one("#3:reset-after=40B").selector.number, 3U);
  EXPECT_EQ(one("never-reply").amount, 0U);
  EXPECT_EQ(one("corrupt=0").amount, 0U);
  EXPECT_EQ(one("slice=1").amount, 1U);
  EXPECT_EQ(one("100%:latency=250ms").by, 250ms);
  EXPECT_EQ(parse({"accept-delay=1.5"}).accept_delay()->by, 1500ms);
  EXPECT_EQ(parse({"refuse"}).acceptance(), Acceptance::refuse);
  EXPECT_EQ(parse({"blackhole"}).acceptance(), Acceptance::blackhole);
}

TEST(FaultSpec, NoneAndNothingAreNoFault) {
  for (const auto& texts : {Texts{}, Texts{"none"}}) {
    EXPECT_TRUE(parse(texts).empty());
    EXPECT_EQ(parse(texts).acceptance(), Acceptance::accept);
    EXPECT_EQ(parse(texts).accept_delay(), nullptr);
  }
  EXPECT_FALSE(parse({"refuse"}).empty());
}

struct BadCase {
  Texts texts;
  std::string message;
};
class BadFault : public testing::TestWithParam<BadCase> {};
TEST_P(BadFault, NamesTheOffenders) {
  try {
    parse(GetParam().texts);
    FAIL() << "accepted";
  } catch (const base::UsageError& error) {
    EXPECT_EQ(error.what(), GetParam().message);
  }
}

const std::string valid = [] {
  std::string names = "none";
  for (const auto name : fault_names()) names.append(", ").append(name);
  return names;
}();
INSTANTIATE_TEST_SUITE_P(
    Texts, BadFault,
    testing::Values(
        BadCase{{"explode"}, "unknown fault (valid: " + valid + "): explode"},
        BadCase{{""}, "unknown fault (valid: " + valid + "): "},
        BadCase{{"#1:"}, "unknown fault (valid: " + valid + "): #1:"},
        BadCase{{"Refuse"}, "unknown fault (valid: " + valid + "; did you mean refuse?): Refuse"},
        BadCase{{"#1:none"}, "unknown fault (valid: " + valid + "): #1:none"},
        BadCase{{"slice=3", "none"}, "it excludes other faults: none"},
        BadCase{{"none", "none"}, "it excludes other faults: none"},
        BadCase{{"stall-after"},
                "not of the form stall-after=SIZE|Nlines|DUR[,for=DUR]: stall-after"},
        BadCase{{"slice="}, "not of the form slice=SIZE: slice="},
        BadCase{{"never-reply=3"}, "not of the form never-reply: never-reply=3"},
        BadCase{{"refuse="}, "not of the form refuse: refuse="},
        BadCase{{"stall-after=-1"}, "stall-after=-1: size is negative: -1"},
        BadCase{{"stall-after=0.5B"},
                "stall-after=0.5B: size is not a whole number of bytes: 0.5B"},
        BadCase{{"stall-after=2line"},
                "stall-after=2line: unknown unit of a size (valid: GiB, GB, MiB, MB, KiB, kB, KB, "
                "B): 2line"},
        BadCase{{"close-after=lines"}, "close-after=lines: number of lines is not a number: "},
        BadCase{{"close-after=-2lines"},
                "close-after=-2lines: number of lines is not a number: -2"},
        BadCase{{"stall-after=1,gap=1s"}, "stall-after=1,gap=1s: not of the form for=DUR: gap=1s"},
        BadCase{{"stall-after=1,for=x"}, "stall-after=1,for=x: not a duration: x"},
        BadCase{{"stall-after=1,for="}, "stall-after=1,for=: not a duration: "},
        BadCase{{"reset-after=1,"}, "reset-after=1,: not of the form gap=DUR: "},
        BadCase{{"reset-after=999999999h"},
                "reset-after=999999999h: duration too large: 999999999h"},
        BadCase{{"close-after=3s,for=1s"},
                "close-after=3s,for=1s: unknown unit of a duration (valid: h, m, s, ms, us, ns): "
                "3s,for=1s"},
        BadCase{{"reset-after=x"}, "reset-after=x: not a size: x"},
        BadCase{{"corrupt=1line"},
                "corrupt=1line: unknown unit of a size (valid: GiB, GB, MiB, MB, KiB, kB, KB, B): "
                "1line"},
        BadCase{{"slice=0"}, "slice=0: a write has at least one byte: 0"},
        BadCase{{"latency=-1s"}, "latency=-1s: duration is negative: -1s"},
        BadCase{{"latency=5B"},
                "latency=5B: unknown unit of a duration (valid: h, m, s, ms, us, ns): 5B"},
        BadCase{{"#0:slice=1"},
                "#0:slice=1: number of a connection is not in 1 to "
                "18446744073709551615: 0"},
        BadCase{{"#:slice=1"}, "#:slice=1: number of a connection is not a number: "},
        BadCase{{"%:slice=1"}, "%:slice=1: not a percentage from 0 to 100: "},
        BadCase{{"-1%:slice=1"}, "-1%:slice=1: not a percentage from 0 to 100: -1"},
        BadCase{{"101%:slice=1"}, "101%:slice=1: not a percentage from 0 to 100: 101"},
        BadCase{{"100.01%:slice=1"}, "100.01%:slice=1: not a percentage from 0 to 100: 100.01"},
        BadCase{{"1e1%:slice=1"}, "1e1%:slice=1: not a percentage from 0 to 100: 1e1"},
        BadCase{{"nan%:slice=1"}, "nan%:slice=1: not a percentage from 0 to 100: nan"},
        BadCase{{".%:slice=1"}, ".%:slice=1: not a percentage from 0 to 100: ."},
        BadCase{{"1.2.3%:slice=1"}, "1.2.3%:slice=1: not a percentage from 0 to 100: 1.2.3"},
        BadCase{{":slice=1"}, ":slice=1: not of the form N% or #N: "},
        BadCase{{"3:slice=1"}, "3:slice=1: not of the form N% or #N: 3"},
        BadCase{{"10%:refuse"}, "refuse is for the whole port and takes no SELECT: 10%:refuse"},
        BadCase{{"#1:blackhole"},
                "blackhole is for the whole port and takes no SELECT: #1:blackhole"},
        BadCase{{"#1:accept-delay=1s"},
                "accept-delay is for the whole port and takes no SELECT: #1:accept-delay=1s"}));

TEST(FaultSpec, ContradictionsNameBoth) {
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"stall-after=1", "reset-after=2"},
      {"close-after=1", "never-reply"},
      {"stall-after=1", "stall-after=1"},
      {"#2:stall-after=1", "#2:close-after=2lines"},
      {"latency=1s", "latency=2s"},
      {"#1:latency=1s", "#1:latency=1s"},
      {"slice=1", "slice=2"},
      {"#7:slice=1", "#7:slice=2"},
      {"corrupt=5", "corrupt=5B"},
      {"#1:corrupt=5", "#1:corrupt=5"},
      {"10%:corrupt=5", "10.0%:corrupt=5"},
      {"refuse", "slice=1"},
      {"slice=1", "refuse"},
      {"refuse", "refuse"},
      {"refuse", "blackhole"},
      {"accept-delay=1s", "blackhole"},
      {"accept-delay=1s", "accept-delay=2s"}};
  for (const auto& [a, b] : pairs) {
    try {
      parse({"#9:corrupt=7", a, b});
      ADD_FAILURE() << a << " and " << b << " accepted";
    } catch (const base::UsageError& error) {
      // A acceptance excludes the first of the three already.
      const std::string what(error.what());
      EXPECT_TRUE(what.starts_with("these faults exclude each other: ")) << what;
      EXPECT_TRUE(what.ends_with(" and " + b) || what.ends_with(" and " + a)) << what;
    }
    EXPECT_THROW(parse({a, b}), base::UsageError);
  }
}

TEST(FaultSpec, WhatGoesTogetherIsAccepted) {
  const std::vector<Texts> plans{
      {"stall-after=1", "#1:stall-after=1", "#2:stall-after=1", "10%:stall-after=1"},
      {"10%:stall-after=1", "10%:reset-after=1"},
      {"latency=1s", "#1:latency=2s", "5%:latency=3s", "5%:latency=4s", "slice=3"},
      {"corrupt=1", "corrupt=2", "#1:corrupt=1", "10%:corrupt=1", "20%:corrupt=1"},
      {"accept-delay=1s", "never-reply"},
      {"0%:slice=1", "100%:slice=1", ".5%:slice=1", "12.5%:slice=1"}};
  for (const auto& texts : plans) EXPECT_NO_THROW(parse(texts));
}

TEST(FaultSpec, TheMostSpecificIsChosen) {
  const Texts texts{"reset-after=1", "100%:stall-after=2", "100%:close-after=3", "#2:never-reply"};
  EXPECT_EQ(chosen(texts, 1), Texts{"100%:stall-after=2"});
  EXPECT_EQ(chosen(texts, 2), Texts{"#2:never-reply"});
  EXPECT_EQ(chosen({"reset-after=1", "0%:stall-after=2", "#2:never-reply"}, 3),
            Texts{"reset-after=1"});
  EXPECT_EQ(chosen({"#3:latency=3s", "latency=1s", "100%:latency=2s"}, 3), Texts{"#3:latency=3s"});
  EXPECT_EQ(chosen({"slice=1", "100%:slice=2", "#3:slice=3"}, 1), Texts{"100%:slice=2"});
  EXPECT_TRUE(chosen({"#3:slice=3", "0%:latency=1s"}, 4).empty());
}

TEST(FaultSpec, OneOfEachStandsFromTheInsideToTheOutside) {
  EXPECT_EQ(chosen({"never-reply", "corrupt=9", "latency=1s", "slice=4", "corrupt=2"}),
            (Texts{"slice=4", "latency=1s", "corrupt=9", "corrupt=2", "never-reply"}));
}

TEST(FaultSpec, AByteThatIsCorruptedForTwoReasonsIsCorruptedOnce) {
  EXPECT_EQ(chosen({"corrupt=2", "#1:corrupt=2", "100%:corrupt=2"}, 1), Texts{"#1:corrupt=2"});
}

TEST(FaultSpec, AChanceIsDrawnForEachConnectionAndFault) {
  const Texts texts{"50%:latency=1s", "50%:slice=1", "12.5%:corrupt=0"};
  std::map<std::string, int> hits;
  int both = 0;
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const auto faults = chosen(texts, 1, base::derive_seed(99, seed));
    for (const auto& fault : faults) ++hits[fault];
    if (gets(faults, texts[0]) && gets(faults, texts[1])) ++both;
  }
  // The bounds are four standard deviations.
  EXPECT_NEAR(hits[texts[0]], 5000, 200);
  EXPECT_NEAR(hits[texts[1]], 5000, 200);
  EXPECT_NEAR(hits[texts[2]], 1250, 132);
  EXPECT_NEAR(both, 2500, 173);
}

TEST(FaultSpec, TheChoiceFollowsFromSeedAndNumberAlone) {
  const Texts texts{"30%:latency=1s", "30%:slice=1", "#5:corrupt=0"};
  int differ = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_EQ(chosen(texts, 5, seed), chosen(texts, 5, seed));
    if (chosen(texts, 5, seed) != chosen(texts, 5, seed + 1000)) ++differ;
  }
  EXPECT_GT(differ, 50);
}

TEST(FaultSpec, ADrawDoesNotDependOnLaterFaults) {
  const std::string fault = "30%:latency=1s";
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_EQ(gets(chosen({fault}, 1, seed), fault),
              gets(chosen({fault, "#2:corrupt=1", "50%:corrupt=2"}, 1, seed), fault));
  }
}

}  // namespace
}  // namespace poetry::faults
