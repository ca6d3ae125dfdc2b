#include "poetry-sync/work/event_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace poetry::sync::work {
namespace {

using namespace std::chrono_literals;

const fetch::Record some_record;

TEST(EventQueue, GivesWhatCameInItsOrder) {
  EventQueue queue;
  queue.received(0, some_record, "a");
  queue.received(0, some_record, "b");
  queue.received(1, some_record, "c");
  queue.received(0, some_record, "d");
  fetch::Record ended;
  ended.outcome = fetch::Outcome::reset;
  ended.error = "reset";
  queue.ended(0, ended);
  const auto taken = queue.take(60s);
  ASSERT_EQ(taken.size(), 4U);
  EXPECT_EQ(taken[0].bytes, "ab");
  EXPECT_EQ(taken[1].bytes, "c");
  EXPECT_EQ(taken[1].task, 1U);
  EXPECT_EQ(taken[2].bytes, "d");
  ASSERT_TRUE(taken[3].ended);
  EXPECT_EQ(taken[3].ended->outcome, fetch::Outcome::reset);
  EXPECT_EQ(taken[3].ended->error, "reset");
  EXPECT_TRUE(queue.take(1ms).empty());
}

TEST(EventQueue, IsFinishedOnceAllWasTaken) {
  EventQueue queue;
  queue.received(0, some_record, "a");
  EXPECT_FALSE(queue.is_finished());
  queue.finish();
  EXPECT_FALSE(queue.is_finished());
  EXPECT_EQ(queue.take(60s).size(), 1U);
  EXPECT_TRUE(queue.is_finished());
  EXPECT_TRUE(queue.take(60s).empty());  // at once
}

TEST(EventQueue, WakesWhoWaitsForSomething) {
  EventQueue queue;
  std::thread other([&] { queue.received(0, some_record, "a"); });
  EXPECT_EQ(queue.take(60s).size(), 1U);
  other.join();
  other = std::thread([&] { queue.finish(); });
  EXPECT_TRUE(queue.take(60s).empty());
  other.join();
}

TEST(EventQueue, WhoFetchesWaitsForWhoWrites) {
  constexpr std::size_t size = 1 << 20;
  constexpr std::size_t count = 20;
  const std::string piece(size, 'x');
  EventQueue queue;
  std::atomic<std::size_t> put = 0;
  std::thread fetching([&] {
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(queue.received(i % 2, some_record, piece), "");
      ++put;
    }
    queue.finish();
  });
  std::size_t total = 0;
  while (!queue.is_finished()) {
    std::size_t bytes = 0;
    for (const auto& each : queue.take(60s)) bytes += each.bytes.size();
    EXPECT_LE(bytes, 5 * size);  // 4 MiB, and what was received last
    total += bytes;
  }
  EXPECT_EQ(total, count * size);
  fetching.join();
  EXPECT_EQ(put, count);
}

TEST(EventQueue, ClosedItEndsEveryTask) {
  const std::string piece(5 << 20, 'x');
  EventQueue queue;
  EXPECT_EQ(queue.received(0, some_record, piece), "");
  std::atomic<bool> ended = false;
  std::thread fetching([&] {
    EXPECT_NE(queue.received(0, some_record, "more"), "");  // waits, since it is full
    ended = true;
  });
  EXPECT_FALSE(ended);
  queue.close();
  fetching.join();
  EXPECT_NE(queue.received(1, some_record, "more"), "");
  EXPECT_EQ(queue.take(60s).size(), 1U);
}

}  // namespace
}  // namespace poetry::sync::work
