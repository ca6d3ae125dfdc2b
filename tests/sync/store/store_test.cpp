// Records and jobs as whoever asks for them sees them.
#include "poetry-sync/store/store.hpp"

#include "sync/store/store_fixture.hpp"

namespace poetry::sync::store {
namespace {

TEST_P(StoreTest, KeepsRecords) {
  const auto id = add();
  EXPECT_EQ(store_->record(id).name, "a poem");
  EXPECT_EQ(store_->record(id).created, 1000000);
  EXPECT_THROW(add(), Refusal);
  EXPECT_NO_THROW(store_->add(
      {.type = RecordType::weblog, .address = "127.0.0.1:1", .name = "the same address"}));
  store_->remove(id);
  EXPECT_THROW(store_->record(id), Refusal);
  EXPECT_THROW(store_->remove(id), Refusal);
  EXPECT_THROW(store_->request(id), Refusal);
  ASSERT_EQ(store_->records().size(), 1U);
  EXPECT_EQ(store_->records()[0].type, RecordType::weblog);
}

TEST_P(StoreTest, NeverUsesAnIdAgain) {
  const auto record = add();
  const auto job = store_->request(record).job.id;
  store_->remove(record);
  const auto next = add();
  EXPECT_GT(next, record);
  EXPECT_GT(store_->request(next).job.id, job);
}

TEST_P(StoreTest, KeepsAnyText) {
  const std::vector<std::string> names{"it's \"quoted\"; DROP TABLE jobs; --",
                                       "%s $1 ?1 \\x00 {id}", "Gedicht über Frühling ☃ 🜁",
                                       std::string(10'000, 'x'), ""};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto address = "host'" + std::to_string(i) + ":1";
    const auto id =
        store_->add({.type = RecordType::poem, .address = address, .name = names[i]}).id;
    EXPECT_EQ(store_->record(id).name, names[i]);
    EXPECT_EQ(store_->record(id).address, address);
  }
  store_->request(1);
  const auto taken = take();
  store_->write(taken.claim, {.lines = names}, 10s);
  const auto lines = store_->log_after(taken.claim.job, 0, 100);
  ASSERT_EQ(lines.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(lines[i].text, names[i]);
  store_->end(taken.claim, {}, {.state = JobState::failed, .error = names[0]});
  EXPECT_EQ(store_->job(taken.claim.job).error, names[0]);
}

TEST_P(StoreTest, CountsIn64Bits) {
  constexpr std::int64_t large = std::int64_t{5} << 40;
  const auto taken = begin();
  Changes changes{
      .parts = {{.number = 0, .name = "p", .address = "a", .bytes = large, .expected = INT64_MAX}},
      .expected = INT64_MAX};
  changes.pieces = {{0, large - 2, "ab"}};
  EXPECT_EQ(store_->write(taken.claim, changes, 10s), Standing::held);
  const auto job = store_->job(taken.claim.job);
  EXPECT_EQ(job.fetched, large);
  EXPECT_EQ(job.expected, INT64_MAX);
  EXPECT_EQ(store_->parts(job.id).at(0).expected, INT64_MAX);
  EXPECT_EQ(store_->stored(job.id, 0, large - 1, 100), "b");
  for (const auto id : {large, INT64_MAX}) {
    EXPECT_THROW(store_->job(id), Refusal);
    EXPECT_THROW(store_->record(id), Refusal);
    EXPECT_THROW(store_->cancel(id), Refusal);
    EXPECT_THROW(store_->request(id), Refusal);
    EXPECT_THROW(store_->log_after(id, 0, 1), Refusal);
    EXPECT_EQ(store_->jobs_before(id, id).size(), 1U);
    EXPECT_TRUE(store_->log_after(job.id, id, id).empty());
  }
}

TEST_P(StoreTest, HasOneActiveJobARecord) {
  const auto id = add();
  const auto first = store_->request(id);
  const auto second = store_->request(id);
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(second.is_new);
  EXPECT_EQ(first.job.id, second.job.id);
  const auto taken = take();
  EXPECT_EQ(store_->request(id).job.state, JobState::running);
  store_->cancel(first.job.id);
  EXPECT_EQ(store_->request(id).job.state, JobState::cancelling);
  EXPECT_TRUE(store_->end(taken.claim, {}, {}));
  EXPECT_TRUE(store_->request(id).is_new);
}

TEST_P(StoreTest, RequestsByTypeAndId) {
  const auto id = add();
  EXPECT_TRUE(store_->request(RecordType::poem, id).is_new);
  EXPECT_THROW(store_->request(RecordType::weblog, id), Refusal);
}

TEST_P(StoreTest, ListsJobs) {
  const auto one = add("127.0.0.1:1");
  const auto other = add("127.0.0.1:2");
  std::vector<Id> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(store_->request(one).job.id);
    store_->end(take().claim, {}, {});
  }
  ids.push_back(store_->request(other).job.id);
  const auto all = store_->jobs_before(0, 10);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].id, ids[3]);
  ASSERT_EQ(store_->jobs_before(ids[3], 2).size(), 2U);
  EXPECT_EQ(store_->jobs_before(ids[3], 2)[1].id, ids[1]);
  EXPECT_EQ(store_->jobs_of(one, 10).size(), 3U);
  EXPECT_EQ(store_->active_jobs().size(), 1U);
  EXPECT_EQ(store_->count_jobs().at(static_cast<std::size_t>(JobState::done)), 3);
  EXPECT_EQ(store_->record(one).job->id, ids[2]);
  EXPECT_EQ(store_->text(one).job, ids[2]);
  EXPECT_EQ(store_->text(other).job, 0);
}

TEST_P(StoreTest, CancelsWhatWaitsAtOnceAndWhatRunsWithItsNextWrite) {
  const auto waiting = store_->request(add("127.0.0.1:1")).job.id;
  const auto cancelled = store_->cancel(waiting);
  EXPECT_EQ(cancelled.state, JobState::cancelled);
  EXPECT_EQ(cancelled.ended, 1000000);
  EXPECT_FALSE(store_->take("one", 10s));
  const auto running = begin("127.0.0.1:2");
  EXPECT_EQ(store_->standing(running.claim), Standing::held);
  EXPECT_EQ(store_->cancel(running.job.id).state, JobState::cancelling);
  EXPECT_EQ(store_->cancel(running.job.id).state, JobState::cancelling);
  EXPECT_EQ(store_->standing(running.claim), Standing::cancelling);
  EXPECT_EQ(store_->write(running.claim, {}, 10s), Standing::cancelling);
  EXPECT_TRUE(store_->end(running.claim, {}, {.state = JobState::failed, .error = "late"}));
  EXPECT_EQ(store_->job(running.job.id).state, JobState::cancelled);
  EXPECT_TRUE(store_->retry(running.job.id).is_new);
}

TEST_P(StoreTest, ADoneJobIsNeitherCancelledNorRetried) {
  const auto taken = begin();
  store_->cancel(taken.job.id);
  EXPECT_TRUE(store_->end(taken.claim, {}, {}));
  EXPECT_EQ(store_->job(taken.job.id).state, JobState::done);
  EXPECT_THROW(store_->cancel(taken.job.id), Refusal);
  EXPECT_THROW(store_->retry(taken.job.id), Refusal);
}

TEST_P(StoreTest, RetriesWhatFailed) {
  const auto taken = begin();
  EXPECT_TRUE(store_->end(taken.claim, {}, {.state = JobState::failed, .error = "refused"}));
  const auto failed = store_->job(taken.job.id);
  EXPECT_EQ(failed.error, "refused");
  EXPECT_TRUE(failed.ended);
  EXPECT_THROW(store_->cancel(failed.id), Refusal);
  const auto again = store_->retry(failed.id);
  EXPECT_TRUE(again.is_new);
  EXPECT_FALSE(store_->retry(failed.id).is_new);
  EXPECT_EQ(store_->retry(failed.id).job.id, again.job.id);
}

TEST_P(StoreTest, RemovesWhatDoesNotRun) {
  const auto taken = begin();
  const auto record = taken.record.id;
  Changes changes{.parts = {{.number = 0, .name = "p", .address = "a", .bytes = 1}},
                  .pieces = {{0, 0, "a"}},
                  .lines = {"a"}};
  store_->write(taken.claim, changes, 10s);
  EXPECT_THROW(store_->remove(record), Refusal);
  store_->cancel(taken.job.id);
  EXPECT_NO_THROW(store_->remove(record));  // whether its worker heeds that or not
  EXPECT_EQ(store_->write(taken.claim, changes, 10s), Standing::lost);
  EXPECT_THROW(store_->record(record), Refusal);
  EXPECT_THROW(store_->job(taken.job.id), Refusal);
  EXPECT_TRUE(store_->records().empty());
  EXPECT_TRUE(store_->jobs_before(0, 10).empty());
  EXPECT_FALSE(store_->take("one", 10s));
  EXPECT_NE(add(taken.record.address), record);
  EXPECT_EQ(store_->removed_record(), record);
  while (store_->prune(record, {})) continue;
  EXPECT_EQ(store_->removed_record(), 0);
  database_->transact(Access::read, [](Transaction& sql) {
    for (const std::string table : {"jobs", "log", "parts", "pieces"}) {
      EXPECT_EQ(sql("SELECT count(*) FROM " + table).at(0).integer(0), 0) << table;
    }
  });
}

TEST_P(StoreTest, WhatNobodyIsAtAnyMoreIsCancelledAndRemovedAtOnce) {
  const auto gone = begin();
  database_->pass(10s);  // its lease
  EXPECT_EQ(store_->cancel(gone.job.id).state, JobState::cancelled);
  EXPECT_EQ(store_->write(gone.claim, {}, 10s), Standing::lost);
  const auto other = begin("127.0.0.1:2");
  database_->pass(10s);
  EXPECT_NO_THROW(store_->remove(other.record.id));
  EXPECT_FALSE(store_->take("two", 10s));
}

TEST_P(StoreTest, KeepsTheLatestJobsAndTheTextsThatAreRead) {
  const auto record = add();
  std::vector<Id> jobs;
  for (std::size_t i = 0; i < 6; ++i) {
    jobs.push_back(store_->request(record).job.id);
    const auto taken = take();
    const Part part{.number = 0, .name = "p", .address = "a", .bytes = 20, .complete = true};
    Changes changes{.parts = {part}, .lines = std::vector<std::string>(3000, "a line")};
    for (std::int64_t piece = 0; piece < 20; ++piece) changes.pieces.push_back({0, piece, "x"});
    store_->end(taken.claim, changes,
                {.state = i == 4 ? JobState::failed : JobState::done, .error = "shrunk"});
    database_->pass(24h);
  }
  int steps = 0;
  while (store_->prune(record, {.jobs = 3})) ++steps;
  EXPECT_GT(steps, 10);
  std::vector<Id> left;
  for (const auto& job : store_->jobs_of(record, 10)) left.insert(left.begin(), job.id);
  EXPECT_EQ(left, (std::vector<Id>{jobs[3], jobs[4], jobs[5]}));
  EXPECT_EQ(text(jobs[3]).size(), 20U);  // as it was before the last sync
  EXPECT_EQ(text(jobs[4]), "");
  EXPECT_EQ(text(jobs[5]).size(), 20U);
  EXPECT_EQ(store_->log_after(jobs[3], 0, 5000).size(), 3000U);
  while (store_->prune(record, {.jobs = 3, .days = 1})) continue;
  EXPECT_EQ(store_->jobs_of(record, 10).size(), 2U);  // the one that failed was two days ago
}

TEST_P(StoreTest, KeepsWhatALaterTextHasInCommon) {
  const auto record = add();
  const auto first = store_->request(record).job.id;
  Part part{.number = 0, .name = "p", .address = "a", .bytes = 3, .complete = true};
  store_->end(take().claim, {.parts = {part}, .pieces = {{0, 0, "one"}}}, {});
  part.source = {first, 0};
  for (int i = 0; i < 4; ++i) {
    const auto job = store_->request(record).job.id;
    store_->end(take().claim, {.parts = {part}}, {});
    EXPECT_EQ(store_->parts(job).at(0).source->job, first);
    while (store_->prune(record, {.jobs = 1})) continue;
    EXPECT_EQ(text(job), "one");
  }
  part.source.reset();
  for (int i = 0; i < 2; ++i) {
    store_->request(record);
    store_->end(take().claim, {.parts = {part}, .pieces = {{0, 0, "two"}}}, {});
  }
  while (store_->prune(record, {.jobs = 1})) continue;
  EXPECT_THROW(store_->job(first), Refusal);
}

TEST_P(StoreTest, RequestsManyInOneTransaction) {
  const std::vector<Id> ids{add("a:1"), add("a:2"), add("a:3")};
  const auto first = store_->request(ids[1]).job.id;
  const std::vector<Id> some{ids[2], ids[1], ids[2]};
  const auto asked = store_->request_all(some);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].job.record, ids[1]);
  EXPECT_EQ(asked[0].job.id, first);
  EXPECT_FALSE(asked[0].is_new);
  EXPECT_EQ(asked[1].job.record, ids[2]);
  EXPECT_TRUE(asked[1].is_new);
  EXPECT_EQ(asked[1].job.due, 1000000);
  EXPECT_THROW(store_->request_all(std::vector<Id>{ids[0], 99}), Refusal);
  EXPECT_EQ(store_->active_jobs().size(), 2U);
  const auto all = store_->request_all(std::nullopt);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[0].is_new);
  EXPECT_FALSE(all[1].is_new || all[2].is_new);
  EXPECT_TRUE(store_->request_all(std::vector<Id>{}).empty());
}

TEST_P(StoreTest, FindsRecordsByTextAndState) {
  store_->add({.type = RecordType::poem, .address = "host:1", .name = "50% Of_It!"});
  store_->add({.type = RecordType::poem, .address = "host:2", .name = "50 of it"});
  const auto found = [&](const std::string& text, const std::string& state, Id after = 0) {
    std::vector<Id> ids;
    for (const auto& each : store_->records_after(after, text, state, 2)) ids.push_back(each.id);
    return ids;
  };
  EXPECT_EQ(found("0% oF", ""), std::vector<Id>{1});
  EXPECT_EQ(found("f_i", ""), std::vector<Id>{1});
  EXPECT_EQ(found("T!", ""), std::vector<Id>{1});
  EXPECT_EQ(found("HOST:2", ""), std::vector<Id>{2});
  store_->request(2);
  EXPECT_EQ(found("", "new"), std::vector<Id>{1});
  EXPECT_EQ(found("host", "queued"), std::vector<Id>{2});
  EXPECT_EQ(found("", "", 1), std::vector<Id>{2});
  add();
  EXPECT_EQ(found("", ""), (std::vector<Id>{1, 2}));
}

TEST_P(StoreTest, FindsLinesOfALogByText) {
  const auto taken = begin();
  store_->write(taken.claim, {.lines = {"A rose", "a thorn", "rose_s"}}, 10s);
  const auto found = store_->log_after(taken.claim.job, 1, 10, "ROSE");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].number, 3);
  EXPECT_TRUE(store_->log_after(taken.claim.job, 0, 10, "_o").empty());
}

TEST_P(StoreTest, TellsWhichRecordsHaveChanged) {
  auto news = store_->news_since(std::nullopt);
  const auto changed = [&] {
    news = store_->news_since(news.horizon);
    std::vector<Id> ids;
    for (const auto& each : news.records) ids.push_back(each.id);
    return ids;
  };
  const auto one = add("a:1");
  const auto other = add("a:2");
  EXPECT_EQ(changed(), (std::vector<Id>{one, other}));
  EXPECT_TRUE(changed().empty());
  store_->request(other);
  EXPECT_EQ(changed(), std::vector<Id>{other});
  const auto taken = take();
  EXPECT_EQ(changed(), std::vector<Id>{other});
  store_->write(taken.claim, {.lines = {"a"}}, 10s);
  EXPECT_EQ(changed(), std::vector<Id>{other});
  EXPECT_EQ(news.records[0].job->lines, 1);
  store_->end(taken.claim, {}, {});
  EXPECT_EQ(changed(), std::vector<Id>{other});
  store_->remove(other);
  EXPECT_TRUE(changed().empty());
  EXPECT_EQ(news.removed, std::vector<Id>{other});
  EXPECT_EQ(store_->news_since(std::nullopt).records.size(), 1U);
}

OVER_EVERY_DATABASE(StoreTest);

}  // namespace
}  // namespace poetry::sync::store
