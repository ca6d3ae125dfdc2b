#include "session/poem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/epoch.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

/// What was written when, in virtual time: it jumps to each deadline.
struct Played {
  std::vector<std::pair<base::Duration, std::string>> writes;
  base::Duration ended{-1};
  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const auto& [when, piece] : writes) all += piece;
    return all;
  }
};

Played play(const std::string& text, const Pacing& pacing, std::size_t max_writes = 1000,
            std::uint64_t seed = 0) {
  PoemService service(base::SealedText::copy(text), pacing);
  const auto session = service.open({1, seed}, support::epoch);
  Played played;
  auto now = support::epoch;
  // A write and a wait each, and the end: a session that only ever waits fails instead of hanging.
  for (std::size_t steps = 0; played.writes.size() < max_writes; ++steps) {
    if (steps > 2 * max_writes + 1) {
      ADD_FAILURE() << "no end after " << steps << " steps";
      break;
    }
    const auto step = session->next(now);
    if (const auto* write = std::get_if<Write>(&step)) {
      played.writes.emplace_back(now - support::epoch, write->bytes);
    } else if (const auto* listen = std::get_if<Listen>(&step)) {
      EXPECT_GT(listen->until, now);
      now = listen->until;
    } else {
      EXPECT_TRUE(std::holds_alternative<Finish>(step));
      played.ended = now - support::epoch;
      break;
    }
  }
  return played;
}

using Writes = decltype(Played::writes);

TEST(Poem, FourLinesAtOneSecondTakeFour) {
  const auto played = play("a\nb\nc\nd\n", {});
  EXPECT_EQ(played.writes, (Writes{{0s, "a\n"}, {1s, "b\n"}, {2s, "c\n"}, {3s, "d\n"}}));
  EXPECT_EQ(played.ended, 4s);
}

TEST(Poem, TheFirstDelayComesBeforeAll) {
  const auto played = play("a\nb", {.delay = 1s, .first_delay = 500ms});
  EXPECT_EQ(played.writes, (Writes{{500ms, "a\n"}, {1500ms, "b"}}));
  EXPECT_EQ(played.ended, 2500ms);
}

TEST(Poem, BytesAreKeptAsTheyAre) {
  using namespace std::string_literals;
  for (const auto& text : {"a\r\nb"s, "\0\n\0"s, "\xff\xfe\n"s, "\n\n\n"s, "no newline"s}) {
    EXPECT_EQ(play(text, {}).bytes(), text);
    EXPECT_EQ(play(text, {.delay = 0s}).bytes(), text);
    EXPECT_EQ(play(text, {.chunk = 2}).bytes(), text);
  }
}

TEST(Poem, AnEmptyPoemEndsAfterTheFirstDelay) {
  const auto played = play("", {.first_delay = 3s, .repeat = 0});
  EXPECT_TRUE(played.writes.empty());
  EXPECT_EQ(played.ended, 3s);
}

TEST(Poem, ChunksReplaceLines) {
  const auto played = play("abc\nde", {.delay = 1s, .chunk = 4});
  EXPECT_EQ(played.writes, (Writes{{0s, "abc\n"}, {1s, "de"}}));
  EXPECT_EQ(played.ended, 2s);
}

TEST(Poem, ARateIsBytesASecond) {
  const auto played = play(std::string(995, 'x'), {.delay = 7s, .rate = 1000});
  ASSERT_EQ(played.writes.size(), 100U);
  for (std::size_t k = 0; k < 100; ++k) {
    EXPECT_EQ(played.writes[k].first, 10ms * k);
    EXPECT_EQ(played.writes[k].second.size(), k == 99 ? 5U : 10U);
  }
  EXPECT_EQ(played.ended, 1s);
  EXPECT_EQ(play("abc", {.rate = 2}).writes, (Writes{{0s, "a"}, {500ms, "b"}, {1s, "c"}}));
  EXPECT_EQ(play("abc", {.first_delay = 1s, .rate = 3}).writes[1].first, 1s + 333'333'333ns);
  EXPECT_EQ(play("ab", {.repeat = 3, .rate = 2}).ended, 3s);
  EXPECT_EQ(play("abc", {.rate = ~std::uint64_t{0} >> 1}).bytes(), "abc");
}

TEST(Poem, ADurationIsSpreadEvenly) {
  const auto played = play("a\nb\nc", {.duration = 10s});
  EXPECT_EQ(played.writes, (Writes{{0s, "a\n"}, {3'333'333'333ns, "b\n"}, {6'666'666'666ns, "c"}}));
  EXPECT_EQ(played.ended, 10s);
  EXPECT_EQ(play("a\nb\n", {.chunk = 1, .repeat = 2, .duration = 4s}).writes[5].first, 5s);
  EXPECT_EQ(play("a\nb\n", {.repeat = 2, .duration = 4s}).ended, 8s);
  EXPECT_EQ(play("", {.duration = 4s}).ended, 0s);
}

TEST(Poem, RepeatsGoOnAtTheSamePace) {
  const auto played = play("a\nb", {.delay = 1s, .repeat = 2});
  EXPECT_EQ(played.writes, (Writes{{0s, "a\n"}, {1s, "b"}, {2s, "a\n"}, {3s, "b"}}));
  EXPECT_EQ(played.ended, 4s);
  EXPECT_EQ(play("a\n", {.repeat = 0}, 50).writes.size(), 50U);
}

TEST(Poem, WithoutADelayItGoesInOnePiece) {
  const auto played = play("a\nb\nc", {.delay = 0s});
  EXPECT_EQ(played.writes, (Writes{{0s, "a\nb\nc"}}));
  EXPECT_EQ(played.ended, 0s);
}

TEST(Poem, ALineLargerThanAWriteIsOneLine) {
  const std::string line(5 << 20, 'x');
  const auto played = play(line + "\n" + "y", {.delay = 1s});
  EXPECT_EQ(played.bytes(), line + "\ny");
  EXPECT_EQ(played.writes.back(), (std::pair<base::Duration, std::string>{1s, "y"}));
  EXPECT_EQ(played.ended, 2s);
}

TEST(Poem, ALargeChunkIsOneChunk) {
  const std::string text(5 << 20, 'x');
  const auto played = play(text, {.delay = 1s, .chunk = 2 << 20});
  EXPECT_EQ(played.bytes(), text);
  EXPECT_EQ(played.writes.back().first, 2s);
  EXPECT_EQ(played.ended, 3s);
}

TEST(Poem, ALateTurnCatchesUpAndKeepsTheSchedule) {
  PoemService service(base::SealedText::copy("a\nb\nc\nd\n"), {});
  const auto session = service.open({1}, support::epoch);
  EXPECT_EQ(std::get<Write>(session->next(support::epoch + 2500ms)).bytes, "a\nb\nc\n");
  EXPECT_EQ(std::get<Listen>(session->next(support::epoch + 2500ms)).until, support::epoch + 3s);
  EXPECT_EQ(std::get<Write>(session->next(support::epoch + 3s)).bytes, "d\n");
  EXPECT_EQ(std::get<Listen>(session->next(support::epoch + 3s)).until, support::epoch + 4s);
}

TEST(Poem, ADelayBeyondTheClockWaitsForever) {
  PoemService service(base::SealedText::copy("a\nb\n"), {.delay = base::Duration::max()});
  const auto session = service.open({1}, support::epoch);
  EXPECT_EQ(std::get<Write>(session->next(support::epoch)).bytes, "a\n");
  EXPECT_EQ(std::get<Listen>(session->next(support::epoch)).until, base::never);
}

/// Lines that are told apart, "0\n" and so on.
std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + "\n";
  return text;
}

/// When each line came; those that were due together came at one time.
std::vector<base::Duration> line_times(const Played& played) {
  std::vector<base::Duration> times;
  for (const auto& [when, bytes] : played.writes) {
    times.insert(times.end(),
                 static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')), when);
  }
  return times;
}

TEST(Poem, JitterMovesEveryLineAndTheEndWithinItsBounds) {
  const Pacing pacing{.delay = 1s, .first_delay = 1s, .jitter = 300ms};
  base::Duration earliest{0};
  base::Duration latest{0};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto played = play(numbered_lines(20), pacing, 1000, seed);
    EXPECT_EQ(played.bytes(), numbered_lines(20));
    ASSERT_EQ(played.writes.size(), 20U);
    auto times = line_times(played);
    times.push_back(played.ended);
    for (int k = 0; k <= 20; ++k) {
      const auto moved = times[static_cast<std::size_t>(k)] - 1s - k * 1s;
      EXPECT_LE(abs(moved), 300ms) << k;
      earliest = std::min(earliest, moved);
      latest = std::max(latest, moved);
    }
  }
  EXPECT_LT(earliest, -295ms);
  EXPECT_GT(latest, 295ms);
}

TEST(Poem, JitterIsUniformAndItsMeanIsNearZero) {
  constexpr int lines = 10'000;
  const auto played =
      play(numbered_lines(lines), {.delay = 10s, .first_delay = 1s, .jitter = 1s}, lines + 1, 42);
  const auto times = line_times(played);
  ASSERT_EQ(times.size(), static_cast<std::size_t>(lines));
  double sum = 0;
  int outer_half = 0;
  for (int k = 0; k < lines; ++k) {
    const auto moved = times[static_cast<std::size_t>(k)] - 1s - k * 10s;
    sum += base::seconds(moved);
    if (abs(moved) > 500ms) ++outer_half;
  }
  EXPECT_NEAR(sum / lines, 0, 0.02);   // three and a half standard errors
  EXPECT_NEAR(outer_half, 5000, 200);  // four of them
}

TEST(Poem, JitterLargerThanTheDelayKeepsTheOrder) {
  for (const auto delay : {0ms, 1ms, 10ms, 200ms}) {
    const Pacing pacing{.delay = delay, .jitter = 1s};
    const auto played = play(numbered_lines(300), pacing, 1000, 7);
    EXPECT_EQ(played.bytes(), numbered_lines(300));
    const auto times = line_times(played);
    ASSERT_EQ(times.size(), 300U);
    EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
    EXPECT_GE(played.ended, times.back());
    EXPECT_LE(played.ended, 300 * delay + 1s);
    for (int k = 0; k < 300; ++k) {
      EXPECT_GE(times[static_cast<std::size_t>(k)], std::max<base::Duration>(k * delay - 1s, 0s))
          << k;
      EXPECT_LE(times[static_cast<std::size_t>(k)], k * delay + 1s) << k;
    }
  }
}

TEST(Poem, JitterNeverComesBeforeTheStart) {
  int at_once = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto first = play("a\n", {.jitter = 100ms}, 1000, seed).writes.at(0).first;
    EXPECT_GE(first, 0s);
    EXPECT_LE(first, 100ms);
    if (first == 0s) ++at_once;
  }
  EXPECT_NEAR(at_once, 500, 50);
}

TEST(Poem, JitterFollowsFromTheSeedAlone) {
  const Pacing pacing{.delay = 1s, .jitter = 300ms};
  const auto text = numbered_lines(50);
  EXPECT_EQ(play(text, pacing, 1000, 5).writes, play(text, pacing, 1000, 5).writes);
  EXPECT_NE(play(text, pacing, 1000, 5).writes, play(text, pacing, 1000, 6).writes);
  EXPECT_EQ(play(text, {}, 1000, 5).writes, play(text, {}, 1000, 6).writes);
}

TEST(Poem, ALateTurnKeepsTheTimesThatTheSeedGives) {
  for (const auto jitter : {300ms, 3000ms}) {
    const Pacing pacing{.delay = 1s, .jitter = jitter};
    const auto times = line_times(play(numbered_lines(20), pacing, 1000, 5));
    PoemService service(base::SealedText::copy(numbered_lines(20)), pacing);
    const auto session = service.open({1, 5}, support::epoch);
    const auto now = support::epoch + 7500ms;
    const std::string sent(std::get<Write>(session->next(now)).bytes);
    const auto lines = static_cast<std::size_t>(std::count(sent.begin(), sent.end(), '\n'));
    EXPECT_LE(times.at(lines - 1), 7500ms);
    EXPECT_EQ(std::get<Listen>(session->next(now)).until, support::epoch + times.at(lines));
  }
}

TEST(Poem, JitterMovesChunksAndRepeatsAlike) {
  const Pacing pacing{.delay = 1s, .first_delay = 1s, .jitter = 300ms, .chunk = 4, .repeat = 3};
  const auto played = play("abcdef", pacing, 1000, 5);
  EXPECT_EQ(played.bytes(), "abcdefabcdefabcdef");
  ASSERT_EQ(played.writes.size(), 6U);
  for (int k = 0; k < 6; ++k) {
    const auto moved = played.writes[static_cast<std::size_t>(k)].first - 1s - k * 1s;
    EXPECT_LE(abs(moved), 300ms);
    EXPECT_NE(moved, 0s);
  }
}

TEST(Poem, JitterBeyondTheClockWaitsForever) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    PoemService service(
        base::SealedText::copy("a\n"),
        {.delay = base::Duration::max(), .jitter = std::chrono::hours(24 * 365 * 100)});
    const auto session = service.open({1, seed}, support::epoch);
    auto now = support::epoch;
    if (const auto step = session->next(now); std::holds_alternative<Listen>(step)) {
      now = std::get<Listen>(step).until;
      EXPECT_GT(now, support::epoch);
      session->next(now);
    }
    EXPECT_EQ(std::get<Listen>(session->next(now)).until, base::never);
  }
}

}  // namespace
}  // namespace poetry::session
