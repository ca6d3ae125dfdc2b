// The database of a PostgreSQL server, by libpqxx: any number of processes on any machines share
// it, and are told of each other's commits by LISTEN and NOTIFY.
#include <algorithm>
#include <boost/algorithm/string/replace.hpp>
#include <mutex>
#include <pqxx/pqxx>
#include <type_traits>
#include <utility>

#include "store/bytea.hpp"
#include "store/database.hpp"

namespace poetry::sync::store {
namespace {

constexpr std::size_t max_idle = 8;  // connections kept
constexpr const char* news_channel = "poetry_sync";
// Type numbers of PostgreSQL's own types (pg_type.dat), which never change.
constexpr pqxx::oid type_bytea = 17;
constexpr pqxx::oid type_int8 = 20;
constexpr pqxx::oid type_int4 = 23;

std::optional<std::string> text_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return bytea_text(blob->bytes);
  return std::nullopt;
}

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

Value value_of(const auto& field) {
  if (field.is_null()) return {};
  const std::string_view text(field.c_str(), field.size());
  if (field.type() == type_bytea) return Blob{bytea_bytes(text)};
  if (field.type() == type_int8 || field.type() == type_int4) {
    return field.template as<std::int64_t>();
  }
  return std::string(text);
}

/// Whether the server went away, or lets go of us: 57P01 and its like. One that crashed is told of
/// without a state, and libpqxx may still call the connection open.
bool says_connection_is_dead(const pqxx::failure& error) {
  if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr) return true;
  const auto* const sql = dynamic_cast<const pqxx::sql_error*>(&error);
  return sql != nullptr && (sql->sqlstate().empty() || sql->sqlstate().starts_with("57P"));
}

/// Whether the same may go well later.
bool passes(const pqxx::failure& error) {
  return says_connection_is_dead(error) ||
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
  explicit Work(pqxx::transaction_base& transaction) : transaction_(transaction) {}

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
  void tell_if_changed() {
    if (changed_) transaction_.exec(std::string("NOTIFY ") + news_channel);
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
  explicit Postgres(const std::string& url) : url_(with_time_limits(url)), secret_(secret_in(url)) {
    guarded([&] { put_back(connect()); });
  }

  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    guarded([&] {
      auto connection = take_idle();
      if (!connection) connection = connect();
      try {
        run_once(*connection, access, work);
      } catch (const pqxx::failure& error) {
        if (!says_connection_is_dead(error)) throw;
        // Nothing was done. The server was restarted: the other connections are dead, too.
        forget_idle();
        connection = connect();
        run_once(*connection, access, work);
      }
      put_back(std::move(connection));
    });
  }

  bool wait_for_news(base::Duration longest) override {
    return guarded([&] {
      if (listener_) {
        try {
          const auto micros = std::chrono::ceil<std::chrono::microseconds>(longest).count();
          return listener_->await_notification(micros / 1'000'000, micros % 1'000'000) > 0;
        } catch (const pqxx::failure&) {
          listener_.reset();
        }
      }
      auto listener = connect();
      pqxx::nontransaction(*listener).exec(std::string("LISTEN ") + news_channel);
      listener_ = std::move(listener);
      return true;  // who was not listening may have missed something
    });
  }

  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

 private:
  static void run_once(pqxx::connection& connection, Access access,
                       const std::function<void(Transaction&)>& work) {
    if (access == Access::write) {
      pqxx::work transaction(connection);
      Work each(transaction);
      work(each);
      each.tell_if_changed();
      commit(transaction);
    } else {
      // One snapshot for all statements.
      pqxx::transaction<pqxx::repeatable_read, WritePolicy::read_only> transaction(connection);
      Work each(transaction);
      work(each);
    }
  }

  template <typename Body>
  std::invoke_result_t<const Body&> guarded(const Body& body) const {
    try {
      return body();
    } catch (const pqxx::failure& error) {
      std::string what = error.what();
      what.erase(std::min(what.find('\n'), what.size()));
      boost::replace_first(what, secret_, "***");
      throw DatabaseError(
          passes(error) ? DatabaseError::Kind::passing : DatabaseError::Kind::lasting,
          "database: " + what);
    }
  }

  [[nodiscard]] std::unique_ptr<pqxx::connection> connect() const {
    return std::make_unique<pqxx::connection>(url_);
  }

  std::unique_ptr<pqxx::connection> take_idle() {
    const std::lock_guard lock(idling_);
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  /// One that raised is not put back.
  void put_back(std::unique_ptr<pqxx::connection> connection) {
    const std::lock_guard lock(idling_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(connection));
  }

  void forget_idle() {
    const std::lock_guard lock(idling_);
    idle_.clear();
  }

  const std::string url_;
  const std::string secret_;
  const Dialect dialect_{.identity = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                         .blob = "BYTEA",
                         .now_ms = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
                         // Not FOR UPDATE, for which the check of a foreign key would wait.
                         .lock = " FOR NO KEY UPDATE",
                         .skip_taken = " FOR UPDATE SKIP LOCKED",
                         .alone = "SELECT pg_advisory_xact_lock(7664825)"};
  std::mutex idling_;
  std::vector<std::unique_ptr<pqxx::connection>> idle_;
  std::unique_ptr<pqxx::connection> listener_;
};

}  // namespace

std::unique_ptr<Database> open_postgres(const std::string& url) {
  return std::make_unique<Postgres>(url);
}

}  // namespace poetry::sync::store
