// A store over each database in turn, whose clock stands still until a test moves it: it is a row
// of a table, so that what the store computes by the database's clock is tested without a sleep.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "poetry-sync/store/store.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_directory.hpp"

namespace poetry::sync::store {

using namespace std::chrono_literals;

class TestDatabase : public Database {
 public:
  explicit TestDatabase(std::unique_ptr<Database> real) : real_(std::move(real)) {
    dialect_ = real_->dialect();
    dialect_["now"] = "(SELECT at FROM test_clock)";
    transact(Access::write, [](Transaction& sql) {
      sql("CREATE TABLE IF NOT EXISTS test_clock (at BIGINT NOT NULL)");
      sql("DELETE FROM test_clock");
      sql("INSERT INTO test_clock (at) VALUES (1000000)");
    });
  }
  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    real_->transact(access, work);
  }
  bool wait_for_news(base::Duration longest) override { return real_->wait_for_news(longest); }
  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }
  void backup(const std::string& path) override { real_->backup(path); }

  void pass(std::chrono::milliseconds time) {
    transact(Access::write, [&](Transaction& sql) {
      sql("UPDATE test_clock SET at = at + $1", {std::int64_t{time.count()}});
    });
  }

 private:
  std::unique_ptr<Database> real_;
  Dialect dialect_;
};

/// The URL of a new database of that kind.
inline std::string new_database(const std::string& kind,
                                const support::TemporaryDirectory& folder) {
  return kind == "sqlite" ? "sqlite:" + folder / "library"
                          : support::PostgresServer::shared().make_database();
}

class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    url_ = new_database(GetParam(), folder_);
    database_ = std::make_unique<TestDatabase>(open_database(url_));
    store_ = std::make_unique<Store>(*database_);
  }

  Id add(const std::string& address = "127.0.0.1:1") {
    return store_->add({.type = RecordType::poem, .address = address, .name = "a poem"}).id;
  }
  Store::Taken take() { return store_->take("one", 10s).value(); }
  /// A new record's job, under way.
  Store::Taken begin(const std::string& address = "127.0.0.1:1") {
    store_->request(add(address));
    return take();
  }
  std::vector<std::string> log(Id job) {
    std::vector<std::string> texts;
    for (const auto& line : store_->log_after(job, 0, 1000)) {
      texts.push_back(std::to_string(line.number) + " " + line.text);
    }
    return texts;
  }
  std::string text(Id job, std::int64_t part = 0) {
    std::string all;
    for (auto some = store_->stored(job, part, 0, 7); !some.empty();
         some = store_->stored(job, part, static_cast<std::int64_t>(all.size()), 7)) {
      all += some;
    }
    return all;
  }

  support::TemporaryDirectory folder_;
  std::string url_;
  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<Store> store_;
};

#define OVER_EVERY_DATABASE(suite)                                                \
  INSTANTIATE_TEST_SUITE_P(Every, suite, testing::Values("sqlite", "postgresql"), \
                           [](const auto& each) { return std::string(each.param); })

}  // namespace poetry::sync::store
