// What every store must do, over each database. The clock is the tests' own: a row of a table.
#include "../../apps/poetry-sync/store.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "support/temporary_directory.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// A database whose clock stands still until it is moved.
class TestDatabase : public Database {
 public:
  explicit TestDatabase(std::unique_ptr<Database> real) : real_(std::move(real)) {
    dialect_ = real_->dialect();
    dialect_.now_ms = "(SELECT at FROM test_clock)";
    transact(Access::write, [](Transaction& sql) {
      sql("CREATE TABLE IF NOT EXISTS test_clock (at BIGINT NOT NULL)");
      sql("DELETE FROM test_clock");
      sql("INSERT INTO test_clock (at) VALUES (1000000)");
    });
  }
  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    real_->transact(access, work);
  }
  bool wait_for_news(Duration longest) override { return real_->wait_for_news(longest); }
  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

  void pass(std::chrono::milliseconds time) {
    transact(Access::write, [&](Transaction& sql) {
      sql("UPDATE test_clock SET at = at + $1", {std::int64_t{time.count()}});
    });
  }

 private:
  std::unique_ptr<Database> real_;
  Dialect dialect_;
};

class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string url = "sqlite:" + folder_.path() + "/library";
    if (GetParam() == "postgresql") {
      const char* given = std::getenv("POETRY_TEST_POSTGRESQL");
      if (given == nullptr) GTEST_SKIP() << "no PostgreSQL";
      url = given;
    }
    database_ = std::make_unique<TestDatabase>(open_database(url));
    store_ = std::make_unique<Store>(*database_);
  }

  Id add(const std::string& address) { return store_->add(RecordType::poem, address, "a poem").id; }
  Store::Taken take() { return store_->take("one", 10s).value(); }
  static Changes line(const std::string& text) { return {.lines = {text}}; }

  TemporaryDirectory folder_;
  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreTest, KeepsRecords) {
  const auto id = add("127.0.0.1:1");
  EXPECT_EQ(store_->record(id).name, "a poem");
  EXPECT_THROW(add("127.0.0.1:1"), Refusal);
  store_->remove(id);
  EXPECT_TRUE(store_->records().empty());
  EXPECT_THROW(store_->record(id), Refusal);
  EXPECT_GT(add("127.0.0.1:1"), id);
}

TEST_P(StoreTest, HasOneActiveJobARecord) {
  const auto id = add("127.0.0.1:1");
  const auto first = store_->request(id);
  const auto second = store_->request(id);
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(second.is_new);
  EXPECT_EQ(first.job.id, second.job.id);
  const auto taken = take();
  EXPECT_EQ(store_->request(id).job.state, JobState::running);
  EXPECT_TRUE(store_->end(taken.claim, {}, {}));
  EXPECT_TRUE(store_->request(id).is_new);
}

TEST_P(StoreTest, RefusesWhoLostItsLease) {
  store_->request(add("127.0.0.1:1"));
  const auto late = take();
  EXPECT_EQ(store_->write(late.claim, line("a"), 10s), Standing::held);
  EXPECT_FALSE(store_->take("two", 10s));
  database_->pass(10s);
  const auto next = store_->take("two", 10s).value();
  EXPECT_EQ(next.job.id, late.job.id);
  EXPECT_EQ(store_->write(late.claim, line("lost"), 10s), Standing::lost);
  EXPECT_FALSE(store_->end(late.claim, line("lost"), {}));
  EXPECT_EQ(store_->write(next.claim, line("b"), 10s), Standing::held);
  const auto log = store_->log_after(late.job.id, 0, 10);
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].text + log[1].text, "ab");
  EXPECT_EQ(log[1].number, 2);
}

TEST_P(StoreTest, KeepsPiecesAndCutsThem) {
  store_->request(add("127.0.0.1:1"));
  const auto taken = take();
  Changes changes;
  changes.parts = {{.number = 0, .name = "p", .address = "a", .bytes = 6}};
  changes.pieces = {{0, 0, "abc"}, {0, 3, std::string("d\0f", 3)}};
  store_->write(taken.claim, changes, 10s);
  const auto job = taken.claim.job;
  EXPECT_EQ(store_->stored(job, 0, 1, 100), "bc");
  EXPECT_EQ(store_->stored(job, 0, 4, 100), std::string("\0f", 2));
  EXPECT_EQ(store_->stored(job, 0, 6, 100), "");
  changes.pieces = {{0, 1, "x"}};
  changes.parts[0].bytes = 2;
  store_->write(taken.claim, changes, 10s);
  EXPECT_EQ(store_->stored(job, 0, 0, 100), "a");
  EXPECT_EQ(store_->stored(job, 0, 1, 100), "x");
  EXPECT_EQ(store_->job(job).fetched, 2);
}

TEST_P(StoreTest, TriesAgainAfterItsDelay) {
  store_->request(add("127.0.0.1:1"));
  store_->end(take().claim, {}, {.state = JobState::queued, .delay = 5s, .error = "refused"});
  EXPECT_FALSE(store_->take("one", 10s));
  EXPECT_EQ(store_->next_due(), 5000);
  database_->pass(5s);
  const auto again = take();
  EXPECT_EQ(again.job.attempts, 2);
  EXPECT_EQ(again.job.error, "refused");
}

TEST_P(StoreTest, CancelsWhatWaitsAtOnceAndWhatRunsWithItsNextWrite) {
  const auto waiting = store_->request(add("127.0.0.1:1")).job.id;
  EXPECT_EQ(store_->cancel(waiting).state, JobState::cancelled);
  store_->request(add("127.0.0.1:2"));
  const auto running = take();
  EXPECT_EQ(store_->cancel(running.job.id).state, JobState::cancelling);
  EXPECT_EQ(store_->write(running.claim, {}, 10s), Standing::cancelling);
  EXPECT_TRUE(store_->end(running.claim, {}, {.state = JobState::failed, .error = "late"}));
  EXPECT_EQ(store_->job(running.job.id).state, JobState::cancelled);
  EXPECT_TRUE(store_->retry(running.job.id).is_new);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreTest, testing::Values("sqlite", "postgresql"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace poetry
