#include "fetch/task_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "fetch/pace.hpp"

namespace poetry::fetch {
namespace {

using std::chrono::milliseconds;

const base::TimePoint start = base::TimePoint() + std::chrono::hours(1);

class Nobody final : public Observer {
  std::string received(std::size_t, const Record&, std::string_view) override { return {}; }
  void retrying(std::size_t, const Record&, base::Duration) override {}
  void ended(std::size_t, Record&) override {}
};

TEST(Pace, GivesTurnsAStepApart) {
  Pace pace(10);
  EXPECT_EQ(pace.reserve(start), start);
  EXPECT_EQ(pace.reserve(start), start + milliseconds(100));
  EXPECT_EQ(pace.reserve(start + milliseconds(50)), start + milliseconds(200));
}

TEST(Pace, MakesUpForALateTimerAndNotForAPause) {
  Pace pace(100);
  const base::TimePoint late = start + milliseconds(25);
  EXPECT_EQ(pace.reserve(start), start);
  EXPECT_EQ(pace.reserve(late), late);  // of 10 ms
  EXPECT_EQ(pace.reserve(late), late);  // of 20 ms
  EXPECT_EQ(pace.reserve(late), start + milliseconds(30));
  const base::TimePoint paused = start + std::chrono::seconds(60);
  EXPECT_EQ(pace.reserve(paused), paused);
  EXPECT_EQ(pace.reserve(paused), paused + milliseconds(10));
}

TEST(TaskQueue, BeginsTasksInTheirTurns) {
  Nobody nobody;
  Batch batch;
  batch.servers = {{{"127.0.0.1", 1}}, 3};
  batch.fetch.pace = std::make_shared<Pace>(10);
  TaskQueue queue(batch, nobody);
  EXPECT_EQ(queue.begin(start), 0U);
  EXPECT_EQ(queue.next_turn(), base::never);
  EXPECT_EQ(queue.begin(start), std::nullopt);
  EXPECT_EQ(queue.next_turn(), start + milliseconds(100));
  EXPECT_EQ(queue.begin(start + milliseconds(99)), std::nullopt);
  EXPECT_EQ(queue.begin(start + milliseconds(100)), 1U);
  EXPECT_EQ(queue.begin(start + milliseconds(100)), std::nullopt);
  queue.interrupt();
  EXPECT_EQ(queue.next_turn(), base::never);
}

TEST(TaskQueue, ReservesNoTurnForATaskThatMayNotRunYet) {
  Nobody nobody;
  Batch batch;
  batch.servers = {{{"127.0.0.1", 1}}, 2};
  batch.parallel = 1;
  batch.fetch.pace = std::make_shared<Pace>(10);
  TaskQueue queue(batch, nobody);
  EXPECT_EQ(queue.begin(start), 0U);
  EXPECT_EQ(queue.begin(start + milliseconds(100)), std::nullopt);
  EXPECT_EQ(queue.next_turn(), base::never);
}

TEST(TaskQueue, NamesNoTurnThatHasToWaitForAnotherTask) {
  Nobody nobody;
  Batch batch;
  batch.servers = {{{"127.0.0.1", 1}}, 3};
  batch.fetch.pace = std::make_shared<Pace>(10);
  TaskQueue queue(batch, nobody);
  EXPECT_EQ(queue.begin(start), 0U);
  EXPECT_EQ(queue.begin(start + milliseconds(100)), 1U);
  EXPECT_EQ(queue.begin(start + milliseconds(100)), std::nullopt);
  queue.put_back(1, std::make_error_code(std::errc::too_many_files_open));
  EXPECT_EQ(queue.begin(start + milliseconds(300)), std::nullopt);
  EXPECT_EQ(queue.next_turn(), base::never) << "a loop would not rest until task 0 has ended";
}

}  // namespace
}  // namespace poetry::fetch
