// Records that are synced by themselves, by a clock that the test moves.
#include <algorithm>

#include "base/error.hpp"
#include "sync/store/store_fixture.hpp"

namespace poetry::sync::store {
namespace {

constexpr Millis begun = 1000000;  // the tests' clock
constexpr Millis minute = 60000;

class ScheduleTest : public StoreTest {
 protected:
  SyncRecord add_every(Millis every, const std::string& address = "127.0.0.1:1") {
    return store_->add({.type = RecordType::poem, .address = address, .name = "a", .every = every});
  }
  /// The jobs that there are of a record, after what is due was requested.
  std::size_t jobs(Id record) {
    store_->request_due();
    return store_->jobs_of(record, 100).size();
  }
  void finish() {
    const auto taken = take();
    EXPECT_TRUE(store_->end(taken.claim, {}, {}));
  }
};

TEST_P(ScheduleTest, IsNextAfterItsTimeAndUpToATenth) {
  std::vector<Millis> times;
  for (int i = 0; i < 20; ++i) {
    const auto record = add_every(10 * minute, "127.0.0.1:" + std::to_string(i + 1));
    EXPECT_EQ(record.every, 10 * minute);
    times.push_back(record.next.value() - begun);
    EXPECT_GE(times.back(), 10 * minute);
    EXPECT_LE(times.back(), 11 * minute);
  }
  std::sort(times.begin(), times.end());
  EXPECT_EQ(std::unique(times.begin(), times.end()), times.end());  // not all together
  EXPECT_FALSE(add_every(0, "127.0.0.1:99").next);
}

TEST_P(ScheduleTest, RequestsWhatIsDue) {
  const auto record = add_every(minute);
  const auto other = add("127.0.0.1:2");
  const auto period = record.next.value() - begun;
  EXPECT_EQ(store_->next_due(), period);
  database_->pass(std::chrono::milliseconds(period - 1));
  EXPECT_EQ(jobs(record.id), 0U);
  EXPECT_EQ(store_->next_due(), 1);
  database_->pass(1ms);
  EXPECT_EQ(store_->next_due(), 0);
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_EQ(jobs(other), 0U);
  finish();
  // From when it was due and not from when that was seen, so that it does not drift.
  database_->pass(5s);
  EXPECT_EQ(store_->record(record.id).next, begun + 2 * period);
  EXPECT_EQ(store_->next_due(), period - 5000);
}

TEST_P(ScheduleTest, DoesNotDriftWithLateness) {
  const auto record = add_every(minute);
  const auto period = record.next.value() - begun;
  database_->pass(std::chrono::milliseconds(period) + 3s);
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_EQ(store_->record(record.id).next, begun + 2 * period);
}

TEST_P(ScheduleTest, CatchesUpOnceAfterATimeAway) {
  const auto record = add_every(minute);
  const auto period = record.next.value() - begun;
  database_->pass(24h);
  EXPECT_EQ(jobs(record.id), 1U);
  finish();
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_EQ(store_->record(record.id).next, begun + 24 * 60 * minute + period);
}

TEST_P(ScheduleTest, LeavesTheJobThatIsUnderWay) {
  const auto record = add_every(minute);
  const auto job = store_->request(record.id).job.id;
  take();
  database_->pass(2min);
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_EQ(store_->job(job).state, JobState::running);
  EXPECT_GT(store_->record(record.id).next, begun + 2 * minute);
}

TEST_P(ScheduleTest, HoldsNoTimeOfAClockThatHasGoneBack) {
  const auto record = add_every(minute);
  database_->pass(-500s);
  EXPECT_EQ(jobs(record.id), 1U);
  EXPECT_LE(store_->record(record.id).next, begun - 500000 + 2 * minute);
}

TEST_P(ScheduleTest, IsChanged) {
  auto record = add_every(10 * minute);
  const auto next = record.next;
  record.name = "another";
  EXPECT_EQ(store_->edit(record).next, next);
  record.every = minute;
  EXPECT_LT(store_->edit(record).next, next);
  record.every = 0;
  EXPECT_FALSE(store_->edit(record).next);
  database_->pass(1h);
  EXPECT_EQ(jobs(record.id), 0U);
  EXPECT_FALSE(store_->next_due());
}

TEST_P(ScheduleTest, RequestsMoreThanOneLookTakes) {
  for (int i = 1; i <= 150; ++i) add_every(minute, "127.0.0.1:" + std::to_string(i));
  database_->pass(2min);
  store_->request_due();
  EXPECT_EQ(store_->active_jobs().size(), 100U);
  EXPECT_LE(store_->next_due(), 0);
  store_->request_due();
  EXPECT_EQ(store_->active_jobs().size(), 150U);
}

OVER_EVERY_DATABASE(ScheduleTest);

TEST(ScheduleText, IsNoneOrASecondOrMore) {
  EXPECT_EQ(parse_every("0"), 0);
  EXPECT_EQ(parse_every("1s"), 1000);
  EXPECT_THROW(parse_every("999ms"), base::UsageError);
}

}  // namespace
}  // namespace poetry::sync::store
