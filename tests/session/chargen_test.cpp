#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

/// Line `number` as RFC 864 shows it.
std::string line(std::size_t number) {
  std::string text;
  for (std::size_t i = 0; i < 72; ++i) text += static_cast<char>(' ' + (number + i) % 95);
  return text + "\r\n";
}
std::string lines(std::size_t from, std::size_t count) {
  std::string text;
  for (std::size_t i = from; i < from + count; ++i) text += line(i);
  return text;
}

/// Plays a session in virtual time, which jumps to each deadline.
class ChargenTest : public testing::Test {
 protected:
  void open(const Pacing& pacing, std::uint64_t seed = 0) {
    ServiceSettings settings;
    settings.pacing = pacing;
    service_ = make_service(parse_service("chargen", settings), {});
    session_ = service_->open({1, seed}, now_);
  }
  /// The next write; it expects exactly one Listen before, unless there is input.
  std::string_view write() {
    const auto* listen = step<Listen>();
    EXPECT_NE(listen, nullptr);
    if (listen == nullptr) return {};
    now_ = std::max(now_, listen->until);
    const auto* write = step<Write>();
    EXPECT_NE(write, nullptr);
    return write == nullptr ? std::string_view() : write->bytes;
  }
  template <typename Wanted>
  const Wanted* step() {
    step_ = session_->next(now_);
    return std::get_if<Wanted>(&step_);
  }

  base::TimePoint now_ = support::epoch;
  std::shared_ptr<Service> service_;
  std::unique_ptr<Session> session_;
  Step step_;
};

TEST_F(ChargenTest, TheFirstLineBeginsAtTheSpaceAndTheNextACharacterLater) {
  open({});
  EXPECT_EQ(write(),
            " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n");
  EXPECT_EQ(write(),
            "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n");
}

TEST_F(ChargenTest, EachLineIsDueAtItsOwnTime) {
  open({.delay = 250ms, .first_delay = 2s});
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(write(), line(i));
    EXPECT_EQ(now_, support::epoch + 2s + i * 250ms);
  }
}

TEST_F(ChargenTest, ALateLineMakesTheNextOnesNoLater) {
  open({});
  EXPECT_EQ(write(), line(0));
  now_ = support::epoch + 3500ms;
  EXPECT_EQ(write(), lines(1, 3));  // lines that are due together go together
  EXPECT_EQ(write(), line(4));
  EXPECT_EQ(now_, support::epoch + 4s);
}

TEST_F(ChargenTest, WithoutADelayItWritesManyLinesAtATimeForEver) {
  open({.delay = 0s});
  std::size_t number = 0;
  for (int i = 0; i < 200; ++i) {
    const auto text = write();
    ASSERT_EQ(text.size() % 74, 0U);
    ASSERT_GT(text.size(), 60'000U);
    ASSERT_LE(text.size(), 65'536U);
    ASSERT_TRUE(text == lines(number, text.size() / 74)) << "from line " << number;
    number += text.size() / 74;
  }
  EXPECT_EQ(now_, support::epoch);
}

TEST_F(ChargenTest, ChunksOfAnySizeMakeUpTheSameStream) {
  for (const std::uint64_t chunk : {1, 73, 1000, 65'491, 200'000}) {
    now_ = support::epoch;
    open({.delay = 10ms, .chunk = chunk});
    std::string text;
    while (text.size() < 3 * chunk) {
      const auto piece = write();
      ASSERT_LE(piece.size(), chunk);
      EXPECT_EQ(now_, support::epoch + (text.size() / chunk) * 10ms) << chunk;
      text += piece;
    }
    EXPECT_TRUE(text == lines(0, text.size() / 74 + 1).substr(0, text.size())) << chunk;
  }
}

TEST_F(ChargenTest, WhatIsSentToItChangesNothing) {
  open({});
  EXPECT_EQ(write(), line(0));
  for (const auto* input : {"input", "more", ""}) {
    const auto* listen = step<Listen>();
    ASSERT_NE(listen, nullptr);
    EXPECT_EQ(listen->until, support::epoch + 1s);
    session_->receive(input);
    now_ += 200ms;
  }
  EXPECT_EQ(write(), line(1));
  EXPECT_EQ(now_, support::epoch + 1s);
}

TEST_F(ChargenTest, OneThatIsAlwaysLateListensBeforeEachWrite) {
  open({.delay = 0s});
  for (int i = 0; i < 10; ++i) {
    const auto* listen = step<Listen>();
    ASSERT_NE(listen, nullptr);
    EXPECT_EQ(listen->until, support::epoch);
    session_->receive("flood");
    EXPECT_NE(step<Write>(), nullptr);
  }
}

TEST_F(ChargenTest, JitterFollowsFromTheSeedAndKeepsTheOrder) {
  const auto times = [this](std::uint64_t seed) {
    now_ = support::epoch;
    open({.delay = 100ms, .jitter = 80ms}, seed);
    std::vector<base::TimePoint> found;
    std::string text;
    while (text.size() < 50 * 74) {
      text += write();
      found.push_back(now_);
    }
    EXPECT_TRUE(text == lines(0, text.size() / 74));
    return found;
  };
  EXPECT_EQ(times(1), times(1));
  EXPECT_NE(times(1), times(2));
}

TEST_F(ChargenTest, ADrainingServiceFinishesItsSessions) {
  open({});
  EXPECT_EQ(write(), line(0));
  service_->drain();
  EXPECT_NE(step<Finish>(), nullptr);
}

/// What a client with this seed gets of a poem of random lines, in so many writes.
std::string random_lines(std::uint64_t seed, int writes, std::uint64_t chunk = 0) {
  ServiceSettings settings;
  settings.pacing.chunk = chunk;
  const auto service = make_service(parse_service("poem:random", settings), {});
  const auto session = service->open({1, seed}, support::epoch);
  auto now = support::epoch;
  std::string text;
  while (writes > 0) {
    const auto step = session->next(now);
    if (const auto* listen = std::get_if<Listen>(&step)) {
      now = std::max(now, listen->until);
    } else {
      text += std::get<Write>(step).bytes;
      --writes;
    }
  }
  return text;
}

TEST(RandomLines, ArePrintableShortAndNoIdentification) {
  const auto text = random_lines(7, 3000);
  std::istringstream in(text);
  std::size_t count = 0;
  for (std::string each; std::getline(in, each); ++count) {
    ASSERT_TRUE(each.ends_with('\r')) << each;
    each.pop_back();
    EXPECT_GE(each.size(), 3U);
    EXPECT_LE(each.size(), 32U);
    EXPECT_FALSE(each.starts_with("SSH-"));
    EXPECT_NE(each[0], 'S');
    EXPECT_TRUE(std::ranges::all_of(each, [](char c) { return c >= ' ' && c <= '~'; })) << each;
  }
  EXPECT_EQ(count, 3000U);
}

TEST(RandomLines, FollowFromTheSeedWhateverThePieces) {
  const auto text = random_lines(7, 200);
  EXPECT_EQ(random_lines(7, 200), text);
  EXPECT_NE(random_lines(8, 200).substr(0, 40), text.substr(0, 40));
  for (const std::uint64_t chunk : {1, 7, 100}) {
    const auto pieces = random_lines(7, 20, chunk);
    EXPECT_EQ(pieces, text.substr(0, 20 * chunk));
  }
}

TEST(RandomLines, HaveNoEndThatSettingsCouldMove) {
  for (const auto* text : {"poem:random,repeat=2", "poem:random,duration=1s"})
    EXPECT_THROW(parse_service(text, {}), base::UsageError) << text;
  EXPECT_EQ(parse_service("poem:random,delay=2s,await=any", {}).name, "random");
}

}  // namespace
}  // namespace poetry::session
