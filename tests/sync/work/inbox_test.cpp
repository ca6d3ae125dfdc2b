#include "poetry-sync/work/inbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace poetry::sync::work {
namespace {

using namespace std::chrono_literals;

const fetch::Record some_record;

TEST(Inbox, GivesWhatCameInItsOrder) {
  Inbox inbox;
  inbox.received(0, some_record, "a");
  inbox.received(0, some_record, "b");
  inbox.received(1, some_record, "c");
  inbox.received(0, some_record, "d");
  fetch::Record ended;
  ended.outcome = fetch::Outcome::reset;
  ended.error = "reset";
  inbox.ended(0, ended);
  const auto taken = inbox.take(60s);
  ASSERT_EQ(taken.size(), 4U);
  EXPECT_EQ(taken[0].bytes, "ab");
  EXPECT_EQ(taken[1].bytes, "c");
  EXPECT_EQ(taken[1].task, 1U);
  EXPECT_EQ(taken[2].bytes, "d");
  EXPECT_EQ(taken[3].what, Happening::What::ended);
  EXPECT_EQ(taken[3].outcome, fetch::Outcome::reset);
  EXPECT_EQ(taken[3].error, "reset");
  EXPECT_TRUE(inbox.take(1ms).empty());
}

TEST(Inbox, IsFinishedOnceAllWasTaken) {
  Inbox inbox;
  inbox.received(0, some_record, "a");
  EXPECT_FALSE(inbox.is_finished());
  inbox.finish();
  EXPECT_FALSE(inbox.is_finished());
  EXPECT_EQ(inbox.take(60s).size(), 1U);
  EXPECT_TRUE(inbox.is_finished());
  EXPECT_TRUE(inbox.take(60s).empty());  // at once
}

TEST(Inbox, WakesWhoWaitsForSomething) {
  Inbox inbox;
  std::thread other([&] { inbox.received(0, some_record, "a"); });
  EXPECT_EQ(inbox.take(60s).size(), 1U);
  other.join();
  other = std::thread([&] { inbox.finish(); });
  EXPECT_TRUE(inbox.take(60s).empty());
  other.join();
}

TEST(Inbox, WhoFetchesWaitsForWhoWrites) {
  constexpr std::size_t size = 1 << 20;
  constexpr std::size_t count = 20;
  const std::string piece(size, 'x');
  Inbox inbox;
  std::atomic<std::size_t> put = 0;
  std::thread fetching([&] {
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(inbox.received(i % 2, some_record, piece), "");
      ++put;
    }
    inbox.finish();
  });
  std::size_t total = 0;
  while (!inbox.is_finished()) {
    std::size_t bytes = 0;
    for (const auto& each : inbox.take(60s)) bytes += each.bytes.size();
    EXPECT_LE(bytes, 5 * size);  // 4 MiB, and what was received last
    total += bytes;
  }
  EXPECT_EQ(total, count * size);
  fetching.join();
  EXPECT_EQ(put, count);
}

TEST(Inbox, ClosedItEndsEveryTask) {
  const std::string piece(5 << 20, 'x');
  Inbox inbox;
  EXPECT_EQ(inbox.received(0, some_record, piece), "");
  std::atomic<bool> ended = false;
  std::thread fetching([&] {
    EXPECT_NE(inbox.received(0, some_record, "more"), "");  // waits, since it is full
    ended = true;
  });
  EXPECT_FALSE(ended);
  inbox.close();
  fetching.join();
  EXPECT_NE(inbox.received(1, some_record, "more"), "");
  EXPECT_EQ(inbox.take(60s).size(), 1U);
}

}  // namespace
}  // namespace poetry::sync::work
