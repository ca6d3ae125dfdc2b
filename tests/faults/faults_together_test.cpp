// Several faults on one port: which of them a connection gets, and what they do together.
#include <gtest/gtest.h>

#include "faults/fault_spec.hpp"
#include "faults/script.hpp"

namespace poetry::faults {
namespace {

using namespace rehearsal;
using namespace std::chrono_literals;

TEST(FaultsTogether, ASpecificZeroExemptsAConnection) {
  EXPECT_EQ(play_script({writes("a")}, {"latency=1s", "#2:latency=0"}, 1).ended, 1s);
  EXPECT_EQ(play_script({writes("a")}, {"latency=1s", "#2:latency=0"}, 2).ended, 0s);
}

TEST(FaultsTogether, CorruptBytesAddUp) {
  const auto seen = play_script({writes("abcdef")}, {"corrupt=1", "corrupt=2", "#1:corrupt=5",
                                                     "#2:corrupt=0", "100%:corrupt=1"});
  EXPECT_EQ(seen.bytes,
            "a\x9d\x9c"
            "de\x99");
  EXPECT_EQ(seen.fired, (FiredList{{"100%:corrupt=1", 1}, {"corrupt=2", 2}, {"#1:corrupt=5", 5}}));
}

TEST(FaultsTogether, ALatencyBeyondTheClockIsSilence) {
  EXPECT_EQ(play_script({waits(base::Duration::max() / 2), writes("a")},
                        {"latency=876000h", "accept-delay=876000h"})
                .end,
            End::silent);
}

TEST(FaultsTogether, AConnectionMayLeaveInTheMiddleOfAWrite) {
  const auto script = std::make_shared<Script>(std::vector{writes("abcdef")});
  const auto service =
      with_faults(script, support::plan_of(Texts{"slice=2", "latency=1s", "corrupt=1"}), {});
  for (int steps = 1; steps < 6; ++steps) {
    const auto session = service->open({1}, start);
    for (int i = 0; i < steps; ++i) session->next(start + i * 1s);
  }
}

TEST(FaultsTogether, EachConnectionOfAPortHasItsOwn) {
  const Texts faults{"#1:reset-after=40B", "#2:never-reply", "100%:stall-after=2lines"};
  const std::vector acts{writes(std::string(30, 'x') + "\n"), waits(1s),
                         writes(std::string(30, 'y') + "\n"), writes("z\n")};
  const auto first = play_script(acts, faults, 1);
  EXPECT_EQ(first.bytes.size(), 40U);
  EXPECT_EQ(first.end, End::reset);
  EXPECT_EQ(first.fired, (FiredList{{"#1:reset-after=40B", 40}}));
  const auto second = play_script(acts, faults, 2);
  EXPECT_EQ(second.bytes, "");
  EXPECT_EQ(second.end, End::silent);
  EXPECT_EQ(second.fired, (FiredList{{"#2:never-reply", 0}}));
  const auto third = play_script(acts, faults, 3);
  EXPECT_EQ(third.bytes.size(), 62U);
  EXPECT_EQ(third.end, End::silent);
  EXPECT_EQ(third.fired, (FiredList{{"100%:stall-after=2lines", 62}}));
}

TEST(FaultsTogether, AResetCutsASlice) {
  const auto seen = play_script({writes(std::string(50, 'x'))}, {"slice=3B", "reset-after=40B"});
  EXPECT_EQ(seen.writes.size(), 14U);
  EXPECT_EQ(seen.writes.back(), "x");
  EXPECT_EQ(seen.bytes.size(), 40U);
  EXPECT_EQ(seen.fired, (FiredList{{"slice=3B", 0}, {"reset-after=40B", 40}}));
}

TEST(FaultsTogether, ACorruptByteInsideASliceIsInItsPlace) {
  const auto seen = play_script({writes("abcdefg")}, {"corrupt=4", "slice=3"});
  EXPECT_EQ(seen.bytes,
            "abcd\x9a"
            "fg");
  for (const auto& write : seen.writes) EXPECT_LE(write.size(), 3U);
}

TEST(FaultsTogether, EachSliceIsLateAndACorruptByteNoLaterThanItsSlice) {
  const auto seen = play_script({writes("abcdef")}, {"slice=3", "latency=1s", "corrupt=4"});
  EXPECT_EQ(seen.times, (Times{1s, 1s, 1s, 2s, 2s, 2s}));
  EXPECT_EQ(seen.ended, 2s);
}

TEST(FaultsTogether, OffsetsAndLinesCountWhatTheClientGets) {
  // The first newline is corrupted, and 0xf5 becomes one.
  const auto seen = play_script({writes("a\nb\xf5"
                                        "c\nd\n")},
                                {"corrupt=1", "corrupt=3", "close-after=2lines"});
  EXPECT_EQ(seen.bytes,
            "a\xf5"
            "b\nc\n");
  EXPECT_EQ(seen.fired.back(), (std::pair<std::string, std::uint64_t>{"close-after=2lines", 6}));
}

TEST(FaultsTogether, AcceptDelayStandsOutsideOfAll) {
  const auto seen = play_poem({"close-after=1line", "latency=100ms", "accept-delay=1s"});
  EXPECT_EQ(seen.times, (Times{1100ms, 1100ms}));
  EXPECT_EQ(seen.ended, 1100ms);
  EXPECT_EQ(seen.fired,
            (FiredList{{"accept-delay=1s", 0}, {"latency=100ms", 0}, {"close-after=1line", 2}}));
  EXPECT_EQ(play_poem({"never-reply", "accept-delay=1s"}).ended, 1s);
}

TEST(FaultsTogether, ALargePoemIsSlicedAndCut) {
  std::string text(3 << 20, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = '\n';
  const auto seen = play_poem({"slice=1000"}, {.delay = 0s}, text);
  EXPECT_TRUE(seen.bytes == text);
  for (const auto& write : seen.writes) ASSERT_LE(write.size(), 1000U);
  EXPECT_TRUE(play_poem({"slice=1000", "stall-after=1000lines"}, {.delay = 0s}, text).bytes ==
              text.substr(0, 999 * 7 + 1));
}

}  // namespace
}  // namespace poetry::faults
