#include "session/record_history.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace poetry::session {
namespace {

TEST(RecordHistory, GivesEveryRecordInOrder) {
  RecordHistory history({});
  EXPECT_EQ(history.take(0).text(), "");
  EXPECT_EQ(history.end(), 0U);
  history.add("a\n");
  history.add("b\n");
  const auto taken = history.take(0);
  EXPECT_EQ(taken.text(), "a\nb\n");
  EXPECT_EQ(taken.next, 2U);
  EXPECT_EQ(taken.missed, 0U);
  EXPECT_FALSE(taken.last);
  EXPECT_EQ(history.take(1).text(), "b\n");
  EXPECT_EQ(history.take(2).text(), "");
  EXPECT_EQ(history.take(0, 1).text(), "a\n");
  EXPECT_TRUE(history.take(0, 1).last);
}

TEST(RecordHistory, CountsFromItsEnd) {
  RecordHistory history({.records = 3});
  EXPECT_EQ(history.from_end(5), 0U);
  for (int i = 0; i < 5; ++i) history.add("x");
  EXPECT_EQ(history.from_end(0), 5U);
  EXPECT_EQ(history.from_end(2), 3U);
  EXPECT_EQ(history.from_end(100), 2U);
}

TEST(RecordHistory, TellsHowManyWereMissed) {
  RecordHistory history({.records = 3});
  for (const auto* const text : {"0", "1", "2", "3", "4"}) history.add(text);
  const auto taken = history.take(0);
  EXPECT_EQ(taken.missed, 2U);
  EXPECT_EQ(taken.text(), "234");
  EXPECT_EQ(taken.next, 5U);
  EXPECT_EQ(history.take(2).missed, 0U);
}

TEST(RecordHistory, IsBoundedByBytesButForTheNewestRecord) {
  RecordHistory history({.bytes = 10});
  for (const auto* const text : {"1234", "5678", "90"}) history.add(text);
  EXPECT_EQ(history.take(0).text(), "1234567890");
  history.add("x");
  EXPECT_EQ(history.take(0).text(), "567890x");
  history.add(std::string(100, 'y'));
  EXPECT_EQ(history.take(0).text(), std::string(100, 'y'));
  EXPECT_EQ(history.take(0).missed, 4U);
  history.add("z");
  EXPECT_EQ(history.take(0).text(), "z");
}

TEST(RecordHistory, GivesBatchesOfBoundedSizeAndLargeRecordsAlone) {
  RecordHistory history({});
  const std::string large(1 << 20, 'x');
  for (int i = 0; i < 1000; ++i) history.add(std::string(100, 'a'));
  history.add(large);
  history.add("b");
  std::uint64_t next = 0;
  std::string all;
  while (next < history.end()) {
    const auto taken = history.take(next);
    ASSERT_GT(taken.next, next);
    EXPECT_TRUE(taken.text().size() <= (1 << 14) || taken.text() == large);
    EXPECT_GE(taken.text().size(), taken.next < 1000 ? 16'000U : 1U);
    all += taken.text();
    next = taken.next;
  }
  EXPECT_TRUE(all == std::string(100'000, 'a') + large + "b");
}

TEST(RecordHistory, KeepsWhatAReaderHoldsWhateverBecomesOfIt) {
  RecordHistory history({.records = 1});
  const std::string large(1 << 20, 'x');
  history.add(large);
  const auto held = history.take(0);
  history.add("new");
  EXPECT_TRUE(held.text() == large);
}

TEST(RecordHistory, KnowsWhenItOutrunsItsFastestReader) {
  RecordHistory history({.bytes = 10});
  history.add("12345");
  EXPECT_FALSE(history.outruns_readers());
  history.add("6");
  EXPECT_TRUE(history.outruns_readers());
  (void)history.take(0, 1);
  EXPECT_FALSE(history.outruns_readers());
  history.add("7890");
  EXPECT_FALSE(history.outruns_readers());
  history.add("1");
  EXPECT_TRUE(history.outruns_readers());
  (void)history.take(0, 1);  // another reader, which is slower
  EXPECT_TRUE(history.outruns_readers());
  (void)history.take(0);
  EXPECT_FALSE(history.outruns_readers());
  history.add(std::string(100, 'y'));
  history.add("z");  // what is gone is waited for by nobody
  EXPECT_FALSE(history.outruns_readers());
}

TEST(RecordHistory, EndsWhereItWasClosed) {
  RecordHistory history({.records = 3});
  history.add("0");
  history.add("1");
  history.close();
  history.add("2");
  history.close();
  EXPECT_EQ(history.take(0).text(), "01");
  EXPECT_TRUE(history.take(0).last);
  EXPECT_TRUE(history.take(history.from_end(0)).last);
  EXPECT_EQ(history.take(history.from_end(0)).text(), "");
  for (int i = 0; i < 7; ++i) history.add("x");
  const auto late = history.take(0);
  EXPECT_EQ(late.missed, 2U);
  EXPECT_EQ(late.text(), "");
  EXPECT_TRUE(late.last);
}

TEST(RecordHistory, LosesNothingAmongThreads) {
  RecordHistory history({.records = 100});
  constexpr std::uint64_t count = 20'000;
  const auto follow = [&] {
    std::uint64_t next = 0;
    std::uint64_t seen = 0;
    for (;;) {
      const auto taken = history.take(next);
      seen += taken.missed + taken.text().size();
      next = taken.next;
      if (taken.last) break;
      std::this_thread::yield();
    }
    EXPECT_EQ(seen, count);
  };
  std::thread one(follow);
  std::thread two(follow);
  for (std::uint64_t i = 0; i < count; ++i) history.add("x");
  history.close();
  one.join();
  two.join();
}

}  // namespace
}  // namespace poetry::session
