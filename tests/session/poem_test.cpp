#include "session/poem.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// What was written when, in virtual time: it jumps to each deadline.
struct Played {
  std::vector<std::pair<Duration, std::string>> writes;
  Duration ended{-1};
  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const auto& [when, piece] : writes) all += piece;
    return all;
  }
};

constexpr TimePoint start{std::chrono::hours(5)};

Played play(const std::string& text, const Pacing& pacing, std::size_t most_writes = 1000) {
  PoemService service(SealedText::copy(text), pacing);
  const auto session = service.open({1}, start);
  Played played;
  auto now = start;
  // A write and a wait each, and the end: a session that only ever waits fails instead of hanging.
  for (std::size_t steps = 0; played.writes.size() < most_writes; ++steps) {
    if (steps > 2 * most_writes + 1) {
      ADD_FAILURE() << "no end after " << steps << " steps";
      break;
    }
    const auto step = session->next(now);
    if (const auto* write = std::get_if<Write>(&step)) {
      played.writes.emplace_back(now - start, write->bytes);
    } else if (const auto* listen = std::get_if<Listen>(&step)) {
      EXPECT_GT(listen->until, now);
      now = listen->until;
    } else {
      EXPECT_TRUE(std::holds_alternative<Finish>(step));
      played.ended = now - start;
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
  EXPECT_EQ(played.writes.back(), (std::pair<Duration, std::string>{1s, "y"}));
  EXPECT_EQ(played.ended, 2s);
}

TEST(Poem, ALargeChunkIsOneChunk) {
  const std::string text(3 << 20, 'x');
  const auto played = play(text, {.delay = 1s, .chunk = 2 << 20});
  EXPECT_EQ(played.bytes(), text);
  EXPECT_EQ(played.writes.back().first, 1s);
  EXPECT_EQ(played.ended, 2s);
}

TEST(Poem, ALateTurnCatchesUpAndKeepsTheSchedule) {
  PoemService service(SealedText::copy("a\nb\nc\nd\n"), {});
  const auto session = service.open({1}, start);
  EXPECT_EQ(std::get<Write>(session->next(start + 2500ms)).bytes, "a\nb\nc\n");
  EXPECT_EQ(std::get<Listen>(session->next(start + 2500ms)).until, start + 3s);
  EXPECT_EQ(std::get<Write>(session->next(start + 3s)).bytes, "d\n");
  EXPECT_EQ(std::get<Listen>(session->next(start + 3s)).until, start + 4s);
}

TEST(Poem, ADelayBeyondTheClockWaitsForever) {
  PoemService service(SealedText::copy("a\nb\n"), {.delay = Duration::max()});
  const auto session = service.open({1}, start);
  EXPECT_EQ(std::get<Write>(session->next(start)).bytes, "a\n");
  EXPECT_EQ(std::get<Listen>(session->next(start)).until, never);
}

}  // namespace
}  // namespace poetry
