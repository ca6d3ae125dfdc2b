// What pages are told, over a store of its own.
#include "poetry-sync/http/change_feed.hpp"

#include <gmock/gmock.h>

#include "support/temporary_directory.hpp"

namespace poetry::sync::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class ChangeFeedTest : public testing::Test {
 protected:
  store::Id add(const std::string& address) {
    return store_.add(store::RecordType::poem, address, "a poem").id;
  }
  /// The id that a page would send as its last.
  static std::string id_of(const ChangeFeed::Text& event) {
    return event->substr(4, event->find('\n') - 4);
  }

  support::TemporaryDirectory folder_;
  std::unique_ptr<store::Database> database_ =
      store::open_database("sqlite:" + folder_.path() + "/library");
  store::Store store_{*database_};
  ChangeFeed feed_{store_};
};

TEST_F(ChangeFeedTest, BeginsWithAllRecords) {
  add("127.0.0.1:1");
  feed_.refresh();
  const auto news = feed_.begin("");
  ASSERT_THAT(news.events, SizeIs(1));
  EXPECT_THAT(*news.events[0], StartsWith("id: "));
  EXPECT_THAT(*news.events[0], HasSubstr("\nevent: records\ndata: [{\"id\":1,"));
  EXPECT_THAT(*news.events[0], EndsWith("}]\n\n"));
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
    ASSERT_THAT(news.events, SizeIs(1)) << id;
    EXPECT_THAT(*news.events[0], HasSubstr("event: records\n")) << id;
  }
  const auto own = id_of(feed_.begin("").events[0]);
  const auto epoch = own.substr(0, own.find('-'));
  for (const auto* number : {"77", "18446744073709551615", "9223372036854775807", "x", ""}) {
    const auto news = feed_.begin(epoch + "-" + number);
    ASSERT_THAT(news.events, SizeIs(1)) << number;
    EXPECT_THAT(*news.events[0], HasSubstr("event: records\n")) << number;
  }
}

TEST_F(ChangeFeedTest, BeginsAnewForWhoIsTooFarBehind) {
  constexpr int more_than_are_kept = 2001;
  const auto start = feed_.begin("");
  database_->transact(store::Access::write, [](store::Transaction& sql) {
    for (std::int64_t i = 0; i < more_than_are_kept; ++i) {
      sql("INSERT INTO records (type, address, name, created) VALUES ('poem', $1, 'a', 0)",
          {std::to_string(i)});
    }
  });
  feed_.refresh();
  const auto all = feed_.after(start.next);
  ASSERT_THAT(all.events, SizeIs(1));
  EXPECT_THAT(*all.events[0], HasSubstr("event: records\n"));
  EXPECT_THAT(feed_.after(start.next + 1).events, SizeIs(more_than_are_kept - 1));
}

}  // namespace
}  // namespace poetry::sync::http
