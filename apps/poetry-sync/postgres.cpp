// The database of a PostgreSQL server, by libpqxx: any number of processes on any machines share
// it, and are told of each other's commits by LISTEN and NOTIFY.
#include <charconv>
#include <mutex>
#include <pqxx/pqxx>
#include <utility>

#include "database.hpp"

namespace poetry {
namespace {

constexpr std::size_t most_idle = 8;  // connections kept
constexpr const char* news_channel = "poetry_sync";
// Type numbers of PostgreSQL's own types (pg_type.dat), which never change.
constexpr pqxx::oid type_bytea = 17;
constexpr pqxx::oid type_int8 = 20;
constexpr pqxx::oid type_int4 = 23;

constexpr std::string_view hex_digits = "0123456789abcdef";

/// A bytea as text, in its hex format.
std::string hex_of(std::string_view bytes) {
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    text += hex_digits[byte >> 4U];
    text += hex_digits[byte & 15U];
  }
  return text;
}

std::optional<std::string> text_of(const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return hex_of(blob->bytes);
  return std::nullopt;
}

Value value_of(const pqxx::field& field) {
  if (field.is_null()) return {};
  if (field.type() == type_bytea) return Blob{pqxx::binarystring(field).str()};
  if (field.type() == type_int8 || field.type() == type_int4) return field.as<std::int64_t>();
  return std::string(field.c_str(), field.size());
}

class Work final : public Transaction {
 public:
  explicit Work(pqxx::transaction_base& transaction) : transaction_(transaction) {}

  Rows execute(const std::string& sql, std::span<const Value> values) override {
    std::vector<std::optional<std::string>> texts;
    for (const auto& each : values) texts.push_back(text_of(each));
    const auto found = transaction_.exec_params(sql, pqxx::prepare::make_dynamic_params(texts));
    Rows rows;
    for (const auto& each : found) {
      std::vector<Value> row;
      for (const auto& field : each) row.push_back(value_of(field));
      rows.emplace_back(std::move(row));
    }
    return rows;
  }

 private:
  pqxx::transaction_base& transaction_;
};

class News final : public pqxx::notification_receiver {
 public:
  explicit News(pqxx::connection_base& connection)
      : notification_receiver(connection, news_channel) {}
  void operator()(const std::string& /*payload*/, int /*process*/) override { come_ = true; }
  bool take() { return std::exchange(come_, false); }

 private:
  bool come_ = false;
};

/// The connection that listens, with what it hears.
struct Listener {
  explicit Listener(const std::string& url) : connection(url), news(connection) {}
  pqxx::connection connection;
  News news;
};

class Postgres final : public Database {
 public:
  explicit Postgres(std::string url) : url_(std::move(url)) {
    guarded([&] { idle_.push_back(std::make_unique<pqxx::connection>(url_)); });
  }

  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    guarded([&] {
      auto connection = take_connection();
      if (access == Access::write) {
        pqxx::work transaction(*connection);
        Work each(transaction);
        work(each);
        each("SELECT pg_notify('poetry_sync', '')");
        transaction.commit();
      } else {
        // One snapshot for all statements.
        pqxx::transaction<pqxx::repeatable_read, pqxx::readwrite_policy::read_only> transaction(
            *connection);
        Work each(transaction);
        work(each);
        transaction.commit();
      }
      put_back(std::move(connection));
    });
  }

  bool wait_for_news(Duration longest) override {
    bool heard = false;
    guarded([&] {
      if (!listener_) {
        listener_ = std::make_unique<Listener>(url_);
        heard = true;  // who was not listening may have missed something
        return;
      }
      try {
        const auto micros = std::chrono::ceil<std::chrono::microseconds>(longest).count();
        if (!listener_->news.take()) {
          listener_->connection.await_notification(micros / 1'000'000, micros % 1'000'000);
        }
        heard = listener_->news.take();
      } catch (...) {
        listener_.reset();
        throw;
      }
    });
    return heard;
  }

  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

 private:
  template <typename Body>
  void guarded(const Body& body) const {
    const auto failed = [](DatabaseError::Kind kind, const std::exception& error) {
      std::string what = error.what();
      while (!what.empty() && what.back() == '\n') what.pop_back();
      return DatabaseError(kind, "database: " + what);
    };
    try {
      body();
    } catch (const pqxx::broken_connection& error) {
      throw failed(DatabaseError::Kind::passing, error);
    } catch (const pqxx::transaction_rollback& error) {
      throw failed(DatabaseError::Kind::passing, error);
    } catch (const pqxx::insufficient_resources& error) {
      throw failed(DatabaseError::Kind::passing, error);
    } catch (const pqxx::in_doubt_error& error) {
      throw failed(DatabaseError::Kind::passing, error);
    } catch (const pqxx::failure& error) {
      throw failed(DatabaseError::Kind::lasting, error);
    }
  }

  std::unique_ptr<pqxx::connection> take_connection() {
    const std::lock_guard lock(idling_);
    if (idle_.empty()) return std::make_unique<pqxx::connection>(url_);
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  /// One that raised is not put back.
  void put_back(std::unique_ptr<pqxx::connection> connection) {
    const std::lock_guard lock(idling_);
    if (idle_.size() < most_idle) idle_.push_back(std::move(connection));
  }

  const std::string url_;
  const Dialect dialect_{.identity = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                         .blob = "BYTEA",
                         .now_ms = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
                         .skip_taken = " FOR UPDATE SKIP LOCKED"};
  std::mutex idling_;
  std::vector<std::unique_ptr<pqxx::connection>> idle_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace

std::unique_ptr<Database> open_postgres(const std::string& url) {
  return std::make_unique<Postgres>(url);
}

}  // namespace poetry
