// Several threads and processes at one store. Each race is run many times, since it is lost seldom.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <set>
#include <thread>

#include "sync/store/store_fixture.hpp"

namespace poetry::sync::store {
namespace {

/// As another process has it: a database and a store of its own.
struct Other {
  explicit Other(const std::string& url) : database(open_database(url)), store(*database) {}
  std::unique_ptr<Database> database;
  Store store;
};

/// Until no news are on their way: a notification may take longer than any one wait for it.
void hear_all(Other& other) {
  while (!other.database->hears_news()) other.store.wait_for_news(1s);
  while (other.store.wait_for_news(0ms)) continue;
}

class StoreTogetherTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { url_ = new_database(GetParam(), folder_); }

  /// Runs both at once.
  template <typename First, typename Second>
  static void race(const First& first, const Second& second) {
    std::barrier start(2);
    std::jthread other([&] {
      start.arrive_and_wait();
      EXPECT_NO_THROW(second());
    });
    start.arrive_and_wait();
    EXPECT_NO_THROW(first());
  }

  static constexpr int rounds = 30;
  support::TemporaryDirectory folder_;
  std::string url_;
};

/// Whether it was not refused.
template <typename Body>
bool goes(const Body& body) {
  try {
    body();
    return true;
  } catch (const Refusal&) {
    return false;
  }
}

TEST_P(StoreTogetherTest, SeveralProcessesMakeTheTables) {
  for (int round = 0; round < 5; ++round) {
    const support::TemporaryDirectory folder;
    const auto url = new_database(GetParam(), folder);
    std::barrier start(4);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        EXPECT_NO_THROW(Other{url});
      });
    }
    for (auto& each : threads) each.join();
    EXPECT_TRUE(Other(url).store.records().empty());
  }
}

TEST_P(StoreTogetherTest, TwoWhoPressAtOnceGetTheSameJob) {
  Other one(url_);
  Other two(url_);
  for (int i = 0; i < rounds; ++i) {
    const auto record =
        one.store
            .add({.type = RecordType::poem, .address = "host:" + std::to_string(i + 1), .name = ""})
            .id;
    Store::Requested first;
    Store::Requested second;
    race([&] { first = one.store.request(record); }, [&] { second = two.store.request(record); });
    EXPECT_EQ(first.job.id, second.job.id);
    EXPECT_NE(first.is_new, second.is_new);
  }
}

TEST_P(StoreTogetherTest, TwoNeverTakeTheSameJob) {
  Other one(url_);
  Other two(url_);
  constexpr int jobs = 40;
  for (int i = 0; i < jobs; ++i) {
    one.store.request(
        one.store
            .add({.type = RecordType::poem, .address = "host:" + std::to_string(i + 1), .name = ""})
            .id);
  }
  const auto take_all = [](Store& store, std::vector<Id>& taken) {
    // None may be free while the other takes it.
    while (store.count_jobs().at(static_cast<std::size_t>(JobState::queued)) > 0) {
      if (const auto each = store.take("one", 100s)) taken.push_back(each->job.id);
    }
  };
  std::vector<Id> first;
  std::vector<Id> second;
  race([&] { take_all(one.store, first); }, [&] { take_all(two.store, second); });
  std::set<Id> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(first.size() + second.size(), std::size_t{jobs});
  EXPECT_EQ(all.size(), std::size_t{jobs});
}

TEST_P(StoreTogetherTest, APressWhileTheJobEndsIsNotLost) {
  Other one(url_);
  Other two(url_);
  const auto record = one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
  for (int i = 0; i < rounds; ++i) {
    const auto job = one.store.request(record).job.id;
    const auto taken = one.store.take("one", 100s).value();
    Store::Requested pressed;
    race([&] { EXPECT_TRUE(one.store.end(taken.claim, {.lines = {"a"}}, {})); },
         [&] { EXPECT_NO_THROW(pressed = two.store.request(record)); });
    EXPECT_EQ(pressed.is_new, pressed.job.id != job);
    if (pressed.is_new) two.store.cancel(pressed.job.id);
  }
}

TEST_P(StoreTogetherTest, APressWhileAWorkerWritesWaitsForNothingThatWaitsForIt) {
  Other one(url_);
  Other two(url_);
  const auto record = one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
  one.store.request(record);
  const auto taken = one.store.take("one", 100s).value();
  const Changes changes{.parts = {{.number = 0, .name = "p", .address = "a", .bytes = 1}},
                        .pieces = {{0, 0, "a"}},
                        .lines = std::vector<std::string>(50, "a")};
  for (int i = 0; i < rounds; ++i) {
    race([&] { EXPECT_EQ(one.store.write(taken.claim, changes, 100s), Standing::held); },
         [&] {
           for (int k = 0; k < 5; ++k) EXPECT_FALSE(two.store.request(record).is_new);
         });
  }
}

TEST_P(StoreTogetherTest, ACancelWhileTheJobIsTakenReachesIt) {
  Other one(url_);
  Other two(url_);
  const auto record = one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
  for (int i = 0; i < rounds; ++i) {
    const auto job = one.store.request(record).job.id;
    std::optional<Store::Taken> taken;
    race([&] { taken = one.store.take("one", 100s); }, [&] { two.store.cancel(job); });
    if (taken) {
      EXPECT_EQ(one.store.standing(taken->claim), Standing::cancelling);
      EXPECT_TRUE(one.store.end(taken->claim, {}, {.state = JobState::failed}));
    }
    EXPECT_EQ(one.store.job(job).state, JobState::cancelled);
  }
}

TEST_P(StoreTogetherTest, ACancelWhileTheJobEndsIsAnswered) {
  Other one(url_);
  Other two(url_);
  const auto record = one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
  for (int i = 0; i < rounds; ++i) {
    const auto job = one.store.request(record).job.id;
    const auto taken = one.store.take("one", 100s).value();
    bool cancelled = false;
    race([&] { EXPECT_TRUE(one.store.end(taken.claim, {}, {.state = JobState::failed})); },
         [&] { cancelled = goes([&] { two.store.cancel(job); }); });
    EXPECT_EQ(one.store.job(job).state, cancelled ? JobState::cancelled : JobState::failed);
  }
}

TEST_P(StoreTogetherTest, ARecordIsRemovedOrItsJobRuns) {
  Other one(url_);
  Other two(url_);
  for (int i = 0; i < rounds; ++i) {
    const auto record =
        one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
    one.store.request(record);
    std::optional<Store::Taken> taken;
    bool removed = false;
    race([&] { taken = one.store.take("one", 100s); },
         [&] { removed = goes([&] { two.store.remove(record); }); });
    EXPECT_NE(taken.has_value(), removed);
    if (!taken) continue;
    EXPECT_EQ(one.store.write(taken->claim, {.lines = {"a"}}, 100s), Standing::held);
    bool ended = false;
    race([&] { ended = one.store.end(taken->claim, {}, {}); },
         [&] { removed = goes([&] { two.store.remove(record); }); });
    EXPECT_TRUE(ended);
    if (!removed) one.store.remove(record);
  }
}

TEST_P(StoreTogetherTest, ARecordIsRemovedOrRequestedFirst) {
  Other one(url_);
  Other two(url_);
  for (int i = 0; i < rounds; ++i) {
    const auto record =
        one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
    race([&] { goes([&] { one.store.request(record); }); },
         [&] { EXPECT_NO_THROW(two.store.remove(record)); });
    EXPECT_TRUE(one.store.jobs_before(0, 10).empty());
  }
}

TEST_P(StoreTogetherTest, ManyWorkersAndPressesLoseNothing) {
  constexpr int records = 4;
  constexpr int each_presses = 25;
  Other shared(url_);
  for (int i = 0; i < records; ++i) {
    shared.store.add(
        {.type = RecordType::poem, .address = "host:" + std::to_string(i + 1), .name = ""});
  }
  std::atomic<int> pressing = 2;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      Other own(url_);
      for (int k = 0; k < each_presses; ++k) own.store.request((i + k) % records + 1);
      --pressing;
    });
    threads.emplace_back([&] {
      Other own(url_);
      while (pressing > 0 || own.store.next_due()) {
        const auto taken = own.store.take("worker", 100s);
        if (!taken) continue;
        own.store.write(taken->claim, {.lines = {"a", "b"}}, 100s);
        EXPECT_TRUE(own.store.end(taken->claim, {.lines = {"c"}}, {}));
      }
    });
  }
  for (auto& each : threads) each.join();
  const auto jobs = shared.store.jobs_before(0, 1000);
  EXPECT_GE(jobs.size(), std::size_t{records});
  for (const auto& job : jobs) {
    EXPECT_EQ(job.state, JobState::done);
    EXPECT_EQ(job.attempts, 1);
    EXPECT_EQ(shared.store.log_after(job.id, 0, 10).size(), 3U);
  }
}

TEST_P(StoreTogetherTest, TellsOfItsOwnAndOfOthersCommits) {
  Other one(url_);
  Other two(url_);
  hear_all(one);
  one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""});
  EXPECT_TRUE(one.store.wait_for_news(60s));
  hear_all(one);
  race([&] { EXPECT_TRUE(one.store.wait_for_news(60s)); },
       [&] { two.store.add({.type = RecordType::poem, .address = "host:2", .name = ""}); });
}

TEST_P(StoreTogetherTest, WhoReadsFirstDoesNotWaitForWhoWrites) {
  Other one(url_);
  Other two(url_);
  const auto record = one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}).id;
  one.database->transact(Access::write, [&](Transaction& sql) {
    sql("UPDATE records SET name = 'new' WHERE id = $1", {record});
    EXPECT_NO_THROW(EXPECT_EQ(two.store.record(record).name, ""));
  });
  EXPECT_EQ(two.store.record(record).name, "new");
}

TEST_P(StoreTogetherTest, WhoWritesDoesNotWaitForWhoReads) {
  Other one(url_);
  Other two(url_);
  two.database->transact(Access::read, [&](Transaction& sql) {
    EXPECT_EQ(sql("SELECT count(*) FROM records").at(0).integer(0), 0);
    EXPECT_NO_THROW(one.store.add({.type = RecordType::poem, .address = "host:1", .name = ""}));
    EXPECT_EQ(sql("SELECT count(*) FROM records").at(0).integer(0), 0) << "one snapshot";
  });
  EXPECT_EQ(two.store.records().size(), 1U);
}

TEST_P(StoreTogetherTest, WhoFindsNoJobWakesNobody) {
  Other one(url_);
  Other two(url_);
  hear_all(one);
  EXPECT_FALSE(two.store.take("two", 100s));
  EXPECT_FALSE(one.store.take("one", 100s));
  EXPECT_FALSE(one.store.wait_for_news(300ms));
}

TEST_P(StoreTogetherTest, PressesOfManyDoNotWaitForEachOther) {
  Other one(url_);
  Other other(url_);
  std::vector<Id> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(
        one.store.add({.type = RecordType::poem, .address = "h:" + std::to_string(i), .name = ""})
            .id);
  }
  const std::vector<Id> reversed(ids.rbegin(), ids.rend());
  for (int round = 0; round < rounds; ++round) {
    race([&] { one.store.request_all(std::nullopt); },
         [&] {
           other.store.request_all(reversed);
           for (const auto id : reversed) other.store.cancel(other.store.request(id).job.id);
         });
    EXPECT_LE(one.store.active_jobs().size(), ids.size());
  }
}

TEST_P(StoreTogetherTest, NewsOfATransactionThatEndsLateAreSeen) {
  if (GetParam() == "sqlite") GTEST_SKIP() << "has one writer at a time";
  Other one(url_);
  Other other(url_);
  const auto early = one.store.add({.type = RecordType::poem, .address = "a:1", .name = ""}).id;
  const auto late = one.store.add({.type = RecordType::poem, .address = "a:2", .name = ""}).id;
  auto news = other.store.news_since(std::nullopt);
  one.database->transact(Access::write, [&](Transaction& sql) {
    sql("UPDATE records SET name = 'begun first' WHERE id = $1", {early});
    other.store.request(late);
    news = other.store.news_since(news.horizon);
    ASSERT_EQ(news.records.size(), 1U);
    EXPECT_EQ(news.records[0].id, late);
  });
  news = other.store.news_since(news.horizon);
  EXPECT_TRUE(std::any_of(news.records.begin(), news.records.end(), [&](const SyncRecord& each) {
    return each.id == early && each.name == "begun first";
  }));
}

OVER_EVERY_DATABASE(StoreTogetherTest);

}  // namespace
}  // namespace poetry::sync::store
