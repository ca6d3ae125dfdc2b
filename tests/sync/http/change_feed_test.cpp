// What pages are told, over a store of its own.
#include "poetry-sync/http/change_feed.hpp"

#include <gmock/gmock.h>

#include "poetry-sync/http/api.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::sync::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

/// What reads through it is counted by its rows.
class CountingDatabase : public store::Database {
 public:
  explicit CountingDatabase(std::unique_ptr<store::Database> real) : real_(std::move(real)) {}
  void transact(store::Access access,
                const std::function<void(store::Transaction&)>& work) override {
    if (access == store::Access::read && !is_readable_) {
      throw store::DatabaseError(store::DatabaseError::Kind::passing, "it is away");
    }
    real_->transact(access, [&](store::Transaction& transaction) {
      Counting counting(transaction, rows_);
      work(counting);
    });
  }
  bool wait_for_news(base::Duration longest) override { return real_->wait_for_news(longest); }
  void backup(const std::string& path) override { real_->backup(path); }
  [[nodiscard]] const store::Dialect& dialect() const override { return real_->dialect(); }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  void set_readable(bool on) { is_readable_ = on; }

 private:
  struct Counting : store::Transaction {
    Counting(store::Transaction& to, std::size_t& count) : transaction(to), rows(count) {}
    store::Rows execute(const std::string& sql, std::span<const store::Value> values) override {
      auto found = transaction.execute(sql, values);
      rows += found.size();
      return found;
    }
    store::Transaction& transaction;
    std::size_t& rows;
  };
  std::unique_ptr<store::Database> real_;
  std::size_t rows_ = 0;
  bool is_readable_ = true;
};

class ChangeFeedTest : public testing::Test {
 protected:
  store::Id add(const std::string& address) {
    return store_.add({.type = store::RecordType::poem, .address = address, .name = "a poem"}).id;
  }
  /// The id that a page would send as its last.
  static std::string id_of(const ChangeFeed::Text& event) {
    return event->substr(4, event->find('\n') - 4);
  }

  support::TemporaryDirectory folder_;
  static std::string joined(const ChangeFeed::News& news) {
    std::string all;
    for (const auto& each : news.events) all += *each;
    return all;
  }
  void add_many(int count) {
    database_->transact(store::Access::write, [&](store::Transaction& sql) {
      for (std::int64_t i = 0; i < count; ++i) {
        sql("INSERT INTO records (type, address, name, created) VALUES ('poem', $1, 'a', 0)",
            {std::to_string(i)});
      }
    });
  }

  std::unique_ptr<CountingDatabase> database_ = std::make_unique<CountingDatabase>(
      store::open_database("sqlite:" + folder_.path() + "/library"));
  store::Store store_{*database_};
  ChangeFeed feed_{store_};
};

TEST_F(ChangeFeedTest, BeginsWithAllRecords) {
  add("127.0.0.1:1");
  feed_.refresh();
  const auto news = feed_.begin("");
  EXPECT_TRUE(news.is_anew);
  EXPECT_THAT(joined(news), StartsWith("id: "));
  EXPECT_THAT(joined(news), HasSubstr("\nevent: records\ndata: [{\"id\":1,"));
  EXPECT_THAT(joined(news), EndsWith("}]\n\n"));
}

TEST_F(ChangeFeedTest, TellsEachChangeOnce) {
  auto news = feed_.begin("");
  add("127.0.0.1:1");
  const auto removed = add("127.0.0.1:2");
  feed_.refresh();
  feed_.refresh();
  news = feed_.after(news.next);
  ASSERT_THAT(news.events, SizeIs(2));
  EXPECT_THAT(*news.events[1], HasSubstr("event: record\ndata: {\"id\":2,"));
  store_.remove(removed);
  feed_.refresh();
  news = feed_.after(news.next);
  ASSERT_THAT(news.events, SizeIs(1));
  EXPECT_THAT(*news.events[0], HasSubstr("event: removed\ndata: {\"id\":2}\n"));
  EXPECT_THAT(feed_.after(news.next).events, SizeIs(0));
}

TEST_F(ChangeFeedTest, GoesOnBehindTheLastEventOfAPage) {
  const auto first = feed_.begin("");
  add("127.0.0.1:1");
  add("127.0.0.1:2");
  feed_.refresh();
  const auto news = feed_.after(first.next);
  ASSERT_THAT(news.events, SizeIs(2));
  const auto again = feed_.begin(id_of(news.events[0]));
  ASSERT_THAT(again.events, SizeIs(1));
  EXPECT_EQ(again.events[0], news.events[1]);
  EXPECT_THAT(feed_.begin(id_of(news.events[1])).events, SizeIs(0));
}

TEST_F(ChangeFeedTest, BeginsAnewForAnEventThatItDoesNotKnow) {
  add("127.0.0.1:1");
  feed_.refresh();
  for (const auto* id : {"1-1", "nonsense", "-", "999999999999999999999-1"}) {
    const auto news = feed_.begin(id);
    EXPECT_THAT(joined(news), HasSubstr("event: records\n")) << id;
  }
  const auto own = id_of(feed_.begin("").events[0]);
  const auto epoch = own.substr(0, own.find('-'));
  for (const auto* number : {"77", "18446744073709551615", "9223372036854775807", "x", ""}) {
    const auto news = feed_.begin(epoch + "-" + number);
    EXPECT_THAT(joined(news), HasSubstr("event: records\n")) << number;
  }
}

TEST_F(ChangeFeedTest, BeginsAnewForWhoIsTooFarBehind) {
  constexpr int more_than_are_kept = 2001;
  const auto start = feed_.begin("");
  add_many(more_than_are_kept);
  feed_.refresh();
  const auto all = feed_.after(start.next);
  EXPECT_TRUE(all.is_anew);
  EXPECT_THAT(joined(all), HasSubstr("event: records\n"));
  const auto rest = feed_.after(start.next + 1);
  EXPECT_FALSE(rest.is_anew);
  EXPECT_THAT(rest.events, SizeIs(more_than_are_kept - 1));
}

TEST_F(ChangeFeedTest, WhoBeginsSharesAListWithOthersAndGetsWhatCameSince) {
  add("127.0.0.1:1");
  feed_.refresh();
  const auto one = feed_.begin("");
  add("127.0.0.1:2");
  feed_.refresh();
  const auto other = feed_.begin("");
  EXPECT_EQ(other.events[1], one.events[1]) << "the same text";
  EXPECT_THAT(joined(other), EndsWith("}\n\n"));
  EXPECT_THAT(joined(other), HasSubstr("event: record\ndata: {\"id\":2,"));
  EXPECT_EQ(feed_.records(), feed_.records());
  EXPECT_THAT(*feed_.records(), HasSubstr("{\"id\":2,"));
  add_many(500);
  feed_.refresh();
  EXPECT_NE(feed_.begin("").events[1], one.events[1]) << "an old one is made anew";
}

TEST_F(ChangeFeedTest, ReadsWhatHasChangedAndNoMore) {
  add_many(1000);
  feed_.refresh();
  EXPECT_EQ(feed_.size(), 1000U);
  const auto begun = feed_.begin("");
  store_.request(500);
  const auto taken = store_.take("one", std::chrono::seconds(10)).value();
  store_.write(taken.claim, {.lines = {"progress"}}, std::chrono::seconds(10));
  const auto before = database_->rows();
  feed_.refresh();
  EXPECT_LE(database_->rows() - before, 2U) << "the horizon and the record";
  const auto news = feed_.after(begun.next);
  ASSERT_THAT(news.events, SizeIs(1));
  EXPECT_THAT(*news.events[0], HasSubstr("\"state\":\"running\""));
}

TEST_F(ChangeFeedTest, WhatWasAddedIsAnsweredSoAlthoughItsNewsCannotBeRead) {
  Request request;
  request.method = "POST";
  request.target = "/api/records";
  request.content_type = "application/json";
  request.body = R"({"type": "poem", "address": "host:1"})";
  database_->set_readable(false);
  const auto answer = answer_api(request, store_, feed_);
  EXPECT_EQ(answer.status, 201U);
  EXPECT_THAT(answer.body, HasSubstr("host:1"));
  EXPECT_EQ(*feed_.records(), "[]");
  database_->set_readable(true);
  feed_.refresh();
  EXPECT_THAT(*feed_.records(), HasSubstr("host:1"));
}

}  // namespace
}  // namespace poetry::sync::http
