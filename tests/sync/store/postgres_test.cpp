// A server that goes away between, within and at the end of transactions, and comes again.
#include <gmock/gmock.h>

#include <csignal>
#include <functional>
#include <thread>

#include "poetry-sync/store/database.hpp"
#include "support/postgres_server.hpp"

namespace poetry::sync::store {
namespace {

using namespace std::chrono_literals;

const std::function<void(Transaction&)> nothing = [](Transaction&) {};

/// For each way in which a server ends.
class PostgresTest : public testing::TestWithParam<int> {
 protected:
  PostgresTest() {
    database_->transact(Access::write,
                        [](Transaction& sql) { sql("CREATE TABLE lines (text TEXT)"); });
  }

  static void restart() { support::PostgresServer::shared().restart(GetParam()); }
  std::int64_t count() {
    std::int64_t found = 0;
    database_->transact(Access::read, [&](Transaction& sql) {
      found = sql("SELECT count(*) FROM lines").at(0).integer(0);
    });
    return found;
  }

  std::unique_ptr<Database> database_ =
      open_database(support::PostgresServer::shared().make_database());
};

TEST_P(PostgresTest, WhoComesAfterItIsServed) {
  for (const auto access : {Access::read, Access::write}) {
    restart();
    int runs = 0;
    EXPECT_NO_THROW(database_->transact(access, [&](Transaction& sql) {
      EXPECT_EQ(sql("SELECT 5").at(0).integer(0), 5);
      ++runs;
    }));
    EXPECT_EQ(runs, 1);
  }
}

TEST_P(PostgresTest, WhatWasUnderWayIsDoneOnce) {
  int runs = 0;
  database_->transact(Access::write, [&](Transaction& sql) {
    sql("INSERT INTO lines VALUES ('one')");
    if (++runs == 1) restart();
    sql("INSERT INTO lines VALUES ('two')");
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), 2);
}

TEST_P(PostgresTest, WhatOneThatIsNewLosesIsDoneOnceToo) {
  int runs = 0;
  database_->transact(Access::read, [&](Transaction&) {
    // The only connection that there is has been taken.
    database_->transact(Access::write, [&](Transaction& sql) {
      if (++runs == 1) restart();
      sql("INSERT INTO lines VALUES ('one')");
    });
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), 1);
}

TEST_P(PostgresTest, ACommitThatMayHaveBeenDoneIsNotRepeated) {
  int runs = 0;
  try {
    database_->transact(Access::write, [&](Transaction& sql) {
      ++runs;
      sql("SELECT 1");
      restart();
    });
    FAIL() << "committed";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::passing);
    EXPECT_THAT(error.what(), testing::HasSubstr("may have been done or not"));
  }
  EXPECT_EQ(runs, 1);
  EXPECT_NO_THROW(database_->transact(Access::write, nothing));
}

TEST_P(PostgresTest, WhatWasReadIsReadAlthoughTheServerIsGone) {
  std::int64_t read = 0;
  EXPECT_NO_THROW(database_->transact(Access::read, [&](Transaction& sql) {
    read = sql("SELECT 5").at(0).integer(0);
    restart();
  }));
  EXPECT_EQ(read, 5);
}

TEST_P(PostgresTest, WhoListensGoesOnListening) {
  EXPECT_TRUE(database_->wait_for_news(0ms));  // whatever was before
  restart();
  // A last word of the server may come before its end is seen, and something was missed by then.
  bool heard = false;
  for (int i = 0; i < 2 && !heard; ++i) EXPECT_NO_THROW(heard = database_->wait_for_news(10s));
  EXPECT_TRUE(heard);
  while (!database_->hears_news()) database_->wait_for_news(1s);  // until that is known
  while (database_->wait_for_news(0ms)) continue;
  database_->transact(Access::write,
                      [](Transaction& sql) { sql("INSERT INTO lines VALUES ('')"); });
  EXPECT_TRUE(database_->wait_for_news(10s));
}

INSTANTIATE_TEST_SUITE_P(Ended, PostgresTest, testing::Values(SIGINT, SIGQUIT, SIGKILL),
                         [](const auto& each) { return std::string(sigabbrev_np(each.param)); });

TEST(PostgresRoom, OfWhatWasDeletedIsUsedAgainWithoutTheServersOwnVacuum) {
  const auto database = open_database(support::PostgresServer::shared().make_database());
  database->transact(Access::write, [](Transaction& sql) {
    sql("CREATE TABLE many (id INT)");
    sql("INSERT INTO many SELECT generate_series(1, 5000)");
  });
  database->transact(Access::write, [](Transaction& sql) { sql("DELETE FROM many"); });
  std::int64_t vacuums = 0;
  const auto look = [&](Transaction& sql) {
    vacuums =
        sql("SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'many'").at(0).integer(0);
  };
  const auto until = base::Clock::now() + 20s;  // the server counts its rows now and then
  while (vacuums == 0 && base::Clock::now() < until) {
    database->settle();
    database->transact(Access::read, look);
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_GT(vacuums, 0);
}

TEST(PostgresLock, IsNotWaitedForForEver) {
  const auto url = support::PostgresServer::shared().make_database();
  const auto one = open_database(url);
  const auto other = open_database(url);
  one->transact(Access::write, [](Transaction& sql) {
    sql("CREATE TABLE counts (id INT, count INT)");
    sql("INSERT INTO counts VALUES (1, 1), (2, 1)");
  });
  const auto count = [](int id) {
    return [id](Transaction& sql) {
      sql("UPDATE counts SET count = count + 1 WHERE id = $1", {std::int64_t{id}});
    };
  };
  one->transact(Access::write, [&](Transaction& sql) {
    count(1)(sql);
    try {
      other->transact(Access::write, count(1));
      FAIL() << "was not locked";
    } catch (const DatabaseError& error) {
      EXPECT_EQ(error.kind(), DatabaseError::Kind::passing) << error.what();
    }
    EXPECT_NO_THROW(other->transact(Access::write, count(2)));  // another row is not
  });
  EXPECT_NO_THROW(other->transact(Access::write, count(1)));
}

TEST(PostgresAway, OneThatIsNotThereMayComeYet) {
  try {
    open_database("postgresql://poet@/poems?host=/nowhere");
    FAIL() << "was served";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::passing) << error.what();
  }
}

/// What a server says to those whom it does not serve now, or no more.
class PostgresStateTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Database> database_ =
      open_database(support::PostgresServer::shared().make_database());
};

TEST_P(PostgresStateTest, PassesAndIsTriedOnceMore) {
  int runs = 0;
  try {
    database_->transact(Access::write, [&](Transaction& sql) {
      ++runs;
      sql("DO $$ BEGIN RAISE 'not now' USING ERRCODE = '" + GetParam() + "'; END $$");
    });
    FAIL() << "was served";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::passing) << error.what();
  }
  EXPECT_EQ(runs, 2);
}

INSTANTIATE_TEST_SUITE_P(AdminShutdown, PostgresStateTest, testing::Values("57P01"));
INSTANTIATE_TEST_SUITE_P(CrashShutdown, PostgresStateTest, testing::Values("57P02"));
INSTANTIATE_TEST_SUITE_P(CannotConnectNow, PostgresStateTest, testing::Values("57P03"));

}  // namespace
}  // namespace poetry::sync::store
