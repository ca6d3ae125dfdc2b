// The database of a PostgreSQL server, by libpqxx: any number of processes on any machines share
// it, and are told of each other's commits by LISTEN and NOTIFY.
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <pqxx/pqxx>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/log.hpp"
#include "store/database.hpp"
#include "store/postgres_values.hpp"
#include "store/sql.hpp"

namespace poetry::sync::store {
namespace {

constexpr const char* news_channel = "poetry_sync";
// Whether notifications come is tried so often, and one that does not within so long is missed:
// PgBouncer takes LISTEN, and passes nothing on where it pools transactions.
constexpr auto test_interval = std::chrono::seconds(30);
constexpr auto longest_news = std::chrono::seconds(5);
constexpr auto look_interval = std::chrono::seconds(1);

// What the versions of libpqxx call differently.
#if PQXX_VERSION_MAJOR < 7
using WritePolicy = pqxx::readwrite_policy;
#else
using WritePolicy = pqxx::write_policy;
#endif

pqxx::result run(pqxx::transaction_base& transaction, const std::string& sql,
                 std::span<const Value> values) {
#if PQXX_VERSION_MAJOR < 7
  std::vector<std::optional<std::string>> texts;
  for (const auto& each : values) texts.push_back(text_of(each));
  return transaction.exec_params(sql, pqxx::prepare::make_dynamic_params(texts));
#else
  pqxx::params texts;
  for (const auto& each : values) texts.append(text_of(each));
#if PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10
  return transaction.exec_params(sql, texts);
#else
  return transaction.exec(sql, texts);
#endif
#endif
}

/// Whether the server went away, or lets go of us: 57P01 and its like. One that crashed is told of
/// without a state, and libpqxx may still call the connection open.
bool says_connection_is_dead(const pqxx::failure& error) {
  const auto* const sql = dynamic_cast<const pqxx::sql_error*>(&error);
  return dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr ||
         (sql != nullptr && (sql->sqlstate().empty() || sql->sqlstate().starts_with("57P")));
}

/// Whether the same may go well later, as where a lock was waited for in vain (55P03).
bool passes(const pqxx::failure& error) {
  const auto* const sql = dynamic_cast<const pqxx::sql_error*>(&error);
  return says_connection_is_dead(error) || (sql != nullptr && sql->sqlstate() == "55P03") ||
         dynamic_cast<const pqxx::transaction_rollback*>(&error) != nullptr ||
         dynamic_cast<const pqxx::insufficient_resources*>(&error) != nullptr;
}

/// What is lost here may have been done, and must not be repeated as after a pqxx::failure.
void commit(pqxx::work& transaction) {
  try {
    transaction.commit();
  } catch (const pqxx::failure& error) {
    const bool in_doubt = dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr;
    if (!in_doubt && !says_connection_is_dead(error)) throw;
    throw DatabaseError(DatabaseError::Kind::passing,
                        "database: the connection was lost during a commit, which may have been "
                        "done or not");
  }
}

class Work final : public Transaction {
 public:
  explicit Work(pqxx::transaction_base& transaction) : transaction_(transaction) {
    transaction_.exec("SET LOCAL lock_timeout = '2s'");  // of this transaction, whoever pools it
  }

  Rows execute(const std::string& sql, std::span<const Value> values) override {
    const auto found = run(transaction_, sql, values);
    changed_ = changed_ || (!sql.starts_with("SELECT") && found.affected_rows() > 0);
    Rows rows;
    for (const auto& each : found) {
      std::vector<Value> row;
      for (const auto& field : each) row.push_back(value_of(field));
      rows.emplace_back(std::move(row));
    }
    return rows;
  }
  /// Otherwise workers that look for a job and find none would wake each other for ever.
  bool tell_if_changed() {
    if (changed_) transaction_.exec(std::string("NOTIFY ") + news_channel);
    return changed_;
  }

 private:
  bool changed_ = false;
  pqxx::transaction_base& transaction_;
};

/// A server that is gone without a word must not hold a thread for ever. What the URL says itself
/// comes later, and wins.
std::string with_time_limits(std::string url) {
  constexpr std::string_view limits =
      "?connect_timeout=10&keepalives_idle=10&keepalives_interval=5&keepalives_count=3"
      "&tcp_user_timeout=30000";
  const auto mark = url.find('?');
  if (mark == std::string::npos) return url.append(limits);
  return url.replace(mark, 1, std::string(limits) + "&");
}

class Postgres final : public Database {
 public:
  explicit Postgres(const std::string& url)
      : url_(with_time_limits(url)), changed_(base::make_eventfd()) {
    guarded([&] { idle_.put_back(connect()); });
  }

  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    guarded([&] {
      auto connection = idle_.take();
      if (!connection) connection = connect();
      bool changed = false;
      try {
        changed = run_once(*connection, access, work);
      } catch (const pqxx::failure& error) {
        if (!says_connection_is_dead(error)) throw;
        // Nothing was done. The server was restarted: the other connections are dead, too.
        while (idle_.take()) continue;
        connection = connect();
        changed = run_once(*connection, access, work);
      }
      idle_.put_back(std::move(connection));
      if (changed) ::eventfd_write(changed_.get(), 1);
    });
  }

  bool wait_for_news(base::Duration longest) override {
    return guarded([&] {
      if (listener_) {
        try {
          return listen_for(longest);
        } catch (const pqxx::failure&) {
          listener_.reset();
        }
      }
      auto listener = connect();
      pqxx::nontransaction(*listener).exec(std::string("LISTEN ") + news_channel);
      listener_ = std::move(listener);
      hears_ = false;
      test_at_ = base::Clock::now();
      return true;  // who was not listening may have missed something
    });
  }

  /// As the server's own autovacuum does, which naps for a minute, while jobs may come and go.
  void settle() override {
    guarded([&] {
      auto connection = connect();
      pqxx::nontransaction each(*connection);
      for (const auto& table :
           each.exec("SELECT relid::regclass::text FROM pg_stat_user_tables WHERE schemaname ="
                     " current_schema() AND n_dead_tup > 1000 + n_live_tup / 5")) {
        each.exec("VACUUM (SKIP_LOCKED) " + table.front().as<std::string>());
      }
    });
  }

  [[nodiscard]] bool hears_news() const override { return hears_; }
  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

  void backup(const std::string& path) override {
    throw DatabaseError(
        DatabaseError::Kind::lasting,
        "database: PostgreSQL is backed up by its own tool: pg_dump -Fc -f " + path);
  }

 private:
  /// Until it is known that notifications come, every second may have some.
  bool listen_for(base::Duration longest) {
    if (base::Clock::now() >= test_at_) {
      test_at_ = base::Clock::now() + test_interval;
      missed_at_ = base::Clock::now() + longest_news;
      transact(Access::write, [](Transaction& sql) { sql(std::string("NOTIFY ") + news_channel); });
    }
    std::array<pollfd, 2> news{pollfd{listener_->sock(), POLLIN, 0},
                               pollfd{changed_.get(), POLLIN, 0}};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
    ::poll(news.data(), news.size(), static_cast<int>(ms));
    eventfd_t changes = 0;
    const bool own = ::eventfd_read(changed_.get(), &changes) == 0;
    const auto now = base::Clock::now();
    if (listener_->get_notifs() > 0) {
      if (!hears_.exchange(true) && told_) base::log_info("database: notifications come again");
      missed_at_ = base::TimePoint::max();
      told_ = false;
      return true;
    }
    if (now >= missed_at_) {
      hears_ = false;
      if (!std::exchange(told_, true))
        base::log_warn("database: notifications do not come: looking for changes every second");
    }
    if (hears_ || now < look_at_) return own;
    look_at_ = now + look_interval;
    return true;
  }

  /// Whether it changed something.
  static bool run_once(pqxx::connection& connection, Access access,
                       const std::function<void(Transaction&)>& work) {
    if (access == Access::write) {
      pqxx::work transaction(connection);
      Work each(transaction);
      work(each);
      const bool changed = each.tell_if_changed();
      commit(transaction);
      return changed;
    }
    // One snapshot for all statements.
    pqxx::transaction<pqxx::repeatable_read, WritePolicy::read_only> transaction(connection);
    Work each(transaction);
    work(each);
    return false;
  }

  template <typename Body>
  std::invoke_result_t<const Body&> guarded(const Body& body) const {
    try {
      return body();
    } catch (const pqxx::failure& error) {
      std::string what = error.what();
      what.erase(std::min(what.find('\n'), what.size()));
      throw DatabaseError(
          passes(error) ? DatabaseError::Kind::passing : DatabaseError::Kind::lasting,
          "database: " + without_passwords(what, url_));
    }
  }

  [[nodiscard]] std::unique_ptr<pqxx::connection> connect() const {
    return std::make_unique<pqxx::connection>(url_);
  }

  const std::string url_;
  const Dialect dialect_{postgres_terms.begin(), postgres_terms.end()};
  IdlePool<pqxx::connection> idle_;
  std::unique_ptr<pqxx::connection> listener_;
  base::Fd changed_;  // by this process, which needs no notification
  std::atomic<bool> hears_ = false;
  bool told_ = false;  // that it does not
  base::TimePoint test_at_{};
  base::TimePoint missed_at_ = base::TimePoint::max();
  base::TimePoint look_at_{};
};

}  // namespace

std::unique_ptr<Database> open_postgres(const std::string& url) {
  return std::make_unique<Postgres>(url);
}

}  // namespace poetry::sync::store
