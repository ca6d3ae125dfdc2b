// Jobs as workers see them: leases, fences, what is written under them.
#include "sync/store/store_fixture.hpp"

namespace poetry::sync::store {
namespace {

using StoreWorkTest = StoreTest;

Changes line(const std::string& text) { return {.lines = {text}}; }

TEST_P(StoreWorkTest, TakesWhatHasBeenDueForLongest) {
  const auto first = add("127.0.0.1:1");
  const auto second = add("127.0.0.1:2");
  store_->request(second);
  database_->pass(1ms);
  store_->request(first);
  const auto taken = take();
  EXPECT_EQ(taken.record.id, second);
  EXPECT_EQ(taken.job.state, JobState::running);
  EXPECT_EQ(taken.job.worker, "one");
  EXPECT_EQ(taken.job.attempts, 1);
  EXPECT_EQ(taken.job.started, 1000001);
  EXPECT_EQ(taken.now, 1000001);
  EXPECT_EQ(take().record.id, first);
  EXPECT_FALSE(store_->take("one", 10s));
}

TEST_P(StoreWorkTest, ALeaseFromATimeToComeIsVoid) {
  const auto before = begin();
  database_->pass(-1h);  // as where a machine's clock is put right
  EXPECT_EQ(store_->next_due(), 0);
  const auto after = store_->take("two", 10s).value();
  EXPECT_EQ(after.job.id, before.job.id);
  EXPECT_EQ(store_->standing(before.claim), Standing::lost);
  EXPECT_FALSE(store_->take("three", 10s));
  database_->pass(9s);
  EXPECT_EQ(store_->write(after.claim, line("a"), 10s), Standing::held);
  database_->pass(-9s);  // and renewed, as of when it was renewed
  EXPECT_TRUE(store_->take("three", 10s));
}

TEST_P(StoreWorkTest, WhatWaitsForATimeFromATimeToComeWaitsNoMore) {
  store_->request(add("127.0.0.1:1"));
  const auto retried = begin("127.0.0.1:2");
  store_->end(retried.claim, {}, {.state = JobState::queued, .delay = 60s, .error = "refused"});
  database_->pass(-1h);
  EXPECT_TRUE(store_->take("two", 10s));
  EXPECT_TRUE(store_->take("two", 10s));
}

TEST_P(StoreWorkTest, NumbersTheLinesWithinTheirJob) {
  const auto one = begin("127.0.0.1:1");
  const auto other = begin("127.0.0.1:2");
  store_->write(one.claim, {.lines = {"a", "b"}}, 10s);
  store_->write(other.claim, {.lines = {"x"}}, 10s);
  store_->write(one.claim, {.lines = {"c"}}, 10s);
  store_->end(one.claim, line("d"), {});
  EXPECT_EQ(log(one.job.id), (std::vector<std::string>{"1 a", "2 b", "3 c", "4 d"}));
  EXPECT_EQ(log(other.job.id), (std::vector<std::string>{"1 x"}));
  EXPECT_EQ(store_->job(one.job.id).lines, 4);
  const auto some = store_->log_after(one.job.id, 1, 2);
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(some[1].number, 3);
}

TEST_P(StoreWorkTest, WhatIsWrittenTwiceIsWrittenOnce) {
  const auto taken = begin();
  const Changes first{.lines = {"a", "b"}, .written = 0};
  const Changes second{.lines = {"c"}, .written = 2};
  for (int i = 0; i < 2; ++i) store_->write(taken.claim, first, 10s);
  store_->write(taken.claim, {.written = 2}, 10s);
  for (int i = 0; i < 2; ++i) store_->write(taken.claim, second, 10s);
  EXPECT_EQ(store_->job(taken.job.id).lines, 3);
  EXPECT_EQ(log(taken.job.id), (std::vector<std::string>{"1 a", "2 b", "3 c"}));
}

TEST_P(StoreWorkTest, RefusesWhoLostItsLease) {
  const auto late = begin();
  EXPECT_EQ(store_->write(late.claim, line("a"), 10s), Standing::held);
  EXPECT_FALSE(store_->take("two", 10s));
  database_->pass(10s);
  const auto next = store_->take("two", 10s).value();
  EXPECT_EQ(next.job.id, late.job.id);
  EXPECT_EQ(next.job.attempts, 2);
  EXPECT_EQ(store_->standing(late.claim), Standing::lost);
  Changes all = line("lost");
  all.parts = {{.number = 0, .name = "lost", .address = "lost", .bytes = 4}};
  all.pieces = {{0, 0, "lost"}};
  EXPECT_EQ(store_->write(late.claim, all, 10s), Standing::lost);
  EXPECT_FALSE(store_->end(late.claim, all, {}));
  store_->release(late.claim);
  EXPECT_FALSE(store_->take("three", 10s));
  EXPECT_EQ(store_->write(next.claim, line("b"), 10s), Standing::held);
  EXPECT_EQ(log(late.job.id), (std::vector<std::string>{"1 a", "2 b"}));
  EXPECT_TRUE(store_->parts(late.job.id).empty());
  EXPECT_TRUE(store_->end(next.claim, {}, {}));
  EXPECT_FALSE(store_->end(next.claim, line("twice"), {}));
  EXPECT_EQ(store_->write(next.claim, line("twice"), 10s), Standing::lost);
  EXPECT_EQ(store_->job(late.job.id).lines, 2);
}

TEST_P(StoreWorkTest, RenewsTheLeaseWithEveryWrite) {
  const auto taken = begin();
  EXPECT_EQ(store_->next_due(), 10'000);
  for (int i = 0; i < 3; ++i) {
    database_->pass(9s);
    EXPECT_FALSE(store_->take("two", 10s));
    EXPECT_EQ(store_->write(taken.claim, {}, 10s), Standing::held);
  }
  EXPECT_EQ(store_->next_due(), 10'000);
  EXPECT_EQ(store_->standing(taken.claim), Standing::held);
  database_->pass(10s);
  EXPECT_EQ(store_->standing(taken.claim), Standing::held);  // nobody has taken it
  EXPECT_TRUE(store_->take("two", 10s));
}

TEST_P(StoreWorkTest, GivesALeaseBack) {
  const auto taken = begin();
  store_->write(taken.claim, line("a"), 10s);
  store_->release(taken.claim);
  const auto next = store_->take("two", 10s, 7).value();
  EXPECT_EQ(next.job.attempts, 1);
  EXPECT_EQ(next.job.max_attempts, 7);
  EXPECT_EQ(store_->standing(taken.claim), Standing::lost);
}

TEST_P(StoreWorkTest, ACancelledJobWhoseWorkerIsGoneIsTakenOverToBeEnded) {
  const auto gone = begin();
  store_->cancel(gone.job.id);
  database_->pass(10s);
  const auto next = store_->take("two", 10s).value();
  EXPECT_EQ(next.job.state, JobState::cancelling);
  EXPECT_EQ(store_->standing(next.claim), Standing::cancelling);
}

TEST_P(StoreWorkTest, TriesAgainAfterItsDelay) {
  const auto taken = begin();
  EXPECT_TRUE(store_->end(taken.claim, line("refused"),
                          {.state = JobState::queued, .delay = 5s, .error = "refused"}));
  EXPECT_FALSE(store_->job(taken.job.id).ended);
  EXPECT_FALSE(store_->take("one", 10s));
  EXPECT_EQ(store_->next_due(), 5000);
  EXPECT_FALSE(store_->request(taken.record.id).is_new);
  database_->pass(5s);
  const auto again = take();
  EXPECT_EQ(again.job.attempts, 2);
  EXPECT_EQ(again.job.error, "refused");
  EXPECT_EQ(again.job.started, 1000000);
  store_->end(again.claim, {}, {});
  EXPECT_EQ(store_->next_due(), std::nullopt);
  EXPECT_EQ(store_->job(taken.job.id).error, "");
}

TEST_P(StoreWorkTest, AnotherAddressBeginsAJobAnewAndShutsOutWhoHadIt) {
  auto taken = begin();
  const Changes changes{.parts = {{.number = 0, .name = "p", .address = "a", .bytes = 3}},
                        .pieces = {{0, 0, "abc"}},
                        .expected = 9};
  ASSERT_EQ(store_->write(taken.claim, changes, 10s), Standing::held);
  EXPECT_THROW(store_->edit({.id = 1, .address = "host:2", .name = "p"}), Refusal);
  database_->pass(11s);
  store_->edit({.id = 1, .address = "host:2", .name = "p"});
  EXPECT_EQ(store_->write(taken.claim, changes, 10s), Standing::lost);
  EXPECT_TRUE(store_->parts(taken.claim.job).empty());
  taken = take();
  EXPECT_EQ(taken.job.fetched, 0);
  EXPECT_FALSE(taken.job.expected);
  EXPECT_EQ(taken.record.address, "host:2");

  store_->cancel(taken.claim.job);  // who was told to stop is shut out at once
  store_->edit({.id = 1, .address = "host:3", .name = "p"});
  EXPECT_FALSE(store_->end(taken.claim, changes, {}));
  database_->pass(11s);
  EXPECT_EQ(take().job.state, JobState::cancelling);
}

TEST_P(StoreWorkTest, KeepsPiecesAndCutsThem) {
  const auto taken = begin();
  const auto job = taken.claim.job;
  const std::string any("\0\xff\xfe\\'\n\r\x80", 8);
  Changes changes{.parts = {{.number = 0, .name = "p", .address = "a", .bytes = 11}},
                  .pieces = {{0, 0, "abc"}, {0, 3, any}}};
  store_->write(taken.claim, changes, 10s);
  EXPECT_EQ(text(job), "abc" + any);
  EXPECT_EQ(store_->stored(job, 0, 1, 100), "bc");
  EXPECT_EQ(store_->stored(job, 0, 4, 2), any.substr(1, 2));
  EXPECT_EQ(store_->stored(job, 0, 11, 100), "");
  EXPECT_EQ(store_->stored(job, 1, 0, 100), "");
  changes.pieces = {{0, 5, "x"}};
  changes.parts[0].bytes = 6;
  store_->write(taken.claim, changes, 10s);
  EXPECT_EQ(text(job), "abc" + any.substr(0, 2) + "x");
  changes.pieces = {{0, 2, {}}};
  changes.parts[0].bytes = 2;
  store_->write(taken.claim, changes, 10s);
  EXPECT_EQ(text(job), "ab");
  EXPECT_EQ(store_->job(job).fetched, 2);
}

TEST_P(StoreWorkTest, KeepsALargePiece) {
  const auto taken = begin();
  std::string bytes(std::size_t{4} << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 / 7);
  const auto size = static_cast<std::int64_t>(bytes.size());
  store_->write(taken.claim,
                {.parts = {{.number = 0, .name = "p", .address = "a", .bytes = size}},
                 .pieces = {{0, 0, bytes}}},
                10s);
  EXPECT_TRUE(store_->stored(taken.claim.job, 0, 0, size) == bytes);
  EXPECT_TRUE(store_->stored(taken.claim.job, 0, size - 3, 100) == bytes.substr(bytes.size() - 3));
}

TEST_P(StoreWorkTest, ADoneJobsTextReplacesTheOneBefore) {
  const auto record = add();
  std::vector<Id> jobs;
  for (const std::string bytes : {"old", "newer"}) {
    jobs.push_back(store_->request(record).job.id);
    const auto size = static_cast<std::int64_t>(bytes.size());
    const Part part{.number = 0, .name = "p", .address = "a", .bytes = size, .complete = true};
    database_->pass(1s);
    store_->end(take().claim, {.parts = {part}, .pieces = {{0, 0, bytes}}}, {});
    EXPECT_EQ(store_->record(record).bytes, size);
    EXPECT_EQ(store_->text(record).job, jobs.back());
  }
  EXPECT_EQ(store_->record(record).synced, 1002000);
  EXPECT_EQ(text(jobs[0]), "old");  // until it is the last but two
  EXPECT_EQ(text(jobs[1]), "newer");
  EXPECT_TRUE(store_->parts(jobs[1]).at(0).complete);
  // One that fails leaves it there.
  store_->request(record);
  store_->end(take().claim, {}, {.state = JobState::failed, .error = "refused"});
  EXPECT_EQ(store_->text(record).job, jobs[1]);
  EXPECT_EQ(text(jobs[1]), "newer");
}

TEST_P(StoreWorkTest, EveryChangeRaisesTheRevision) {
  const auto record = add();
  auto last = store_->request(record).job.revision;
  const auto rises = [&] {
    const auto before = std::exchange(last, store_->record(record).job->revision);
    return last > before;
  };
  const auto taken = take();
  EXPECT_TRUE(rises());
  store_->write(taken.claim, line("a"), 10s);
  EXPECT_TRUE(rises());
  store_->write(taken.claim, {}, 10s);
  EXPECT_FALSE(rises());
  store_->cancel(taken.job.id);
  EXPECT_TRUE(rises());
  store_->end(taken.claim, {}, {});
  EXPECT_TRUE(rises());
}

OVER_EVERY_DATABASE(StoreWorkTest);

}  // namespace
}  // namespace poetry::sync::store
