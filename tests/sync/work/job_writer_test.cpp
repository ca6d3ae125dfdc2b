// What an attempt writes while its database is away, its worker stops, or its log is full.
#include "poetry-sync/work/job_writer.hpp"

#include <gmock/gmock.h>

#include <chrono>

#include "poetry-sync/store/store.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::sync::work {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// One that fails so many times before it does what it should, or once it has.
class FailingDatabase : public store::Database {
 public:
  explicit FailingDatabase(const std::string& url) : real_(store::open_database(url)) {}
  void transact(store::Access access,
                const std::function<void(store::Transaction&)>& work) override {
    if (fails_before > 0 && fails_before-- > 0) throw failure();
    real_->transact(access, work);
    if (fails_after > 0 && fails_after-- > 0) throw failure();
  }
  bool wait_for_news(base::Duration longest) override { return real_->wait_for_news(longest); }
  void backup(const std::string& path) override { real_->backup(path); }
  [[nodiscard]] const store::Dialect& dialect() const override { return real_->dialect(); }

  std::atomic<int> fails_before = 0;
  std::atomic<int> fails_after = 0;  ///< as where the connection is lost during a commit

 private:
  static store::DatabaseError failure() {
    return {store::DatabaseError::Kind::passing, "the server is restarted"};
  }
  std::unique_ptr<store::Database> real_;
};

class JobWriterTest : public testing::Test {
 protected:
  JobWriterTest() {
    store_.request(
        store_.add({.type = store::RecordType::poem, .address = "127.0.0.1:1", .name = "a poem"})
            .id);
    taken_ = store_.take("one", 1h).value();
  }
  std::vector<std::string> log() {
    std::vector<std::string> texts;
    for (const auto& line : store_.log_after(taken_.claim.job, 0, 100)) texts.push_back(line.text);
    return texts;
  }
  store::Job job() { return store_.job(taken_.claim.job); }

  support::TemporaryDirectory folder_;
  FailingDatabase database_{"sqlite:" + folder_ / "library"};
  store::Store store_{database_};
  store::Store::Taken taken_;
  std::atomic<bool> stopping_ = false;
};

TEST_F(JobWriterTest, WaitsForADatabaseThatIsAway) {
  JobWriter writer(store_, taken_, 1h, stopping_);
  writer.log("one");
  database_.fails_before = 2;
  EXPECT_TRUE(writer.write());
  writer.log("two");
  database_.fails_after = 2;  // and written, for all that
  EXPECT_TRUE(writer.write());
  writer.log("three");
  database_.fails_before = 1;
  writer.end({});
  EXPECT_THAT(log(), ElementsAre("one", "two", "three", "done"));
  EXPECT_EQ(job().lines, 4);
  EXPECT_EQ(job().state, store::JobState::done);
}

TEST_F(JobWriterTest, DoesNotWaitLongerThanItsLease) {
  JobWriter writer(store_, taken_, 1ms, stopping_);
  writer.log("one");
  database_.fails_before = 1000;
  EXPECT_THROW(writer.write(), store::DatabaseError);
  EXPECT_GT(database_.fails_before, 900);
}

TEST_F(JobWriterTest, EndsBehindABatchThatWasWrittenUnheard) {
  JobWriter writer(store_, taken_, 0ms, stopping_);
  writer.log("one");
  writer.log("two");
  database_.fails_after = 1;
  EXPECT_THROW(writer.write(), store::DatabaseError);
  writer.discard();
  writer.end({.state = store::JobState::failed, .error = "why"});
  EXPECT_THAT(log(), ElementsAre("one", "two", "failed: why"));
  EXPECT_EQ(job().lines, 3);
}

TEST_F(JobWriterTest, DoesNotWaitWhereItsWorkerStops) {
  JobWriter writer(store_, taken_, 1h, stopping_);
  writer.log("one");
  stopping_ = true;
  database_.fails_before = 1;
  EXPECT_THROW(writer.write(), store::DatabaseError);
  EXPECT_THROW(writer.write(), Abandoned);  // and the job is given back
  EXPECT_EQ(store_.take("two", 1h).value().job.attempts, 1);
}

TEST_F(JobWriterTest, CountsTheLinesThatTheLogHasNoRoomFor) {
  JobWriter writer(store_, taken_, 1h, stopping_, 3);
  for (int batch = 0; batch < 3; ++batch) {
    for (const auto* line : {"a", "b"}) writer.log(line);
    EXPECT_TRUE(writer.write());
  }
  writer.end({});
  EXPECT_THAT(log(), ElementsAre("a", "b", "a", "left out: 3 more lines", "done"));
}

TEST_F(JobWriterTest, KeepsTheLeaseWhateverTheAttemptWaitsFor) {
  ASSERT_FALSE(store_.take("two", 1h));
  store_.release(taken_.claim);
  taken_ = store_.take("one", 300ms).value();
  {
    JobWriter writer(store_, taken_, 300ms, stopping_);
    writer.keep_lease();
    const auto until = std::chrono::steady_clock::now() + 900ms;
    while (std::chrono::steady_clock::now() < until) {
      database_.fails_before = 1;  // now and then, which changes nothing
      std::this_thread::sleep_for(20ms);
    }
    database_.fails_before = 0;
    EXPECT_LT(store_.next_due(), 300);
    EXPECT_NE(store_.standing(taken_.claim), store::Standing::lost);
  }
}

}  // namespace
}  // namespace poetry::sync::work
