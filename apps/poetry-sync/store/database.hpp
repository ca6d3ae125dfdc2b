// A database of SQL as the store sees it: transactions, and the news that others have changed
// something. Owned by main, and used by several threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"

namespace poetry::sync::store {

/// What failed in a database. What is `passing` may be tried again: it was locked, or the server
/// went away.
class DatabaseError : public std::runtime_error {
 public:
  enum class Kind { passing, lasting };
  DatabaseError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// Bytes, in contrast to text.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

/// NULL, BIGINT, TEXT (UTF-8 without NUL) or bytes.
using Value = std::variant<std::monostate, std::int64_t, std::string, Blob>;

/// One row of a result.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  /// Each raises std::bad_variant_access where the column holds something else.
  [[nodiscard]] std::int64_t integer(std::size_t column) const {
    return std::get<std::int64_t>(values_.at(column));
  }
  [[nodiscard]] const std::string& text(std::size_t column) const {
    return std::get<std::string>(values_.at(column));
  }
  [[nodiscard]] const std::string& bytes(std::size_t column) const {
    return std::get<Blob>(values_.at(column)).bytes;
  }
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(std::size_t column) const {
    if (std::holds_alternative<std::monostate>(values_.at(column))) return std::nullopt;
    return integer(column);
  }

 private:
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

/// A transaction under way. Parameters are $1, $2, ... in the statement.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Raises DatabaseError.
  virtual Rows execute(const std::string& sql, std::span<const Value> values) = 0;
  Rows operator()(const std::string& sql, std::initializer_list<Value> values = {}) {
    return execute(sql, {values.begin(), values.size()});
  }
};

/// What a database has for each term that statements have in braces; see terms.sql and sqlite.sql.
using Dialect = std::map<std::string_view, std::string_view>;

/// Connections that nobody uses at the moment. By any thread.
template <typename Connection>
class IdlePool {
 public:
  /// One that was put back; none where there is none.
  std::unique_ptr<Connection> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  /// Keeps it, unless there are enough. One that raised is not to be put back.
  void put_back(std::unique_ptr<Connection> connection) {
    constexpr std::size_t max_idle = 8;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(connection));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

enum class Access { read, write };

class Database {
 public:
  virtual ~Database() = default;
  /// Runs `work` in one transaction, which is durable once this returns, and undone where `work`
  /// raises. Where the connection is lost before the commit, `work` runs once more from its
  /// beginning. Raises DatabaseError, and what `work` raises. Blocks.
  virtual void transact(Access access, const std::function<void(Transaction&)>& work) = 0;
  /// Waits until somebody, perhaps in another process, has committed a change, at most that long.
  /// Returns at once if that has happened since the last call. By one thread. Raises DatabaseError.
  virtual bool wait_for_news(base::Duration longest) = 0;
  /// Has the room of what was deleted used again, as far as nobody reads it. Raises DatabaseError.
  virtual void settle() {}
  /// False where others' changes are not told of, and looked for every second in place of that.
  [[nodiscard]] virtual bool hears_news() const { return true; }
  [[nodiscard]] virtual const Dialect& dialect() const = 0;
  /// Copies all of it, as it is at one moment, to a new file of mode 0600, while others go on.
  /// Raises std::system_error, also where the file is there already, and DatabaseError.
  virtual void backup(const std::string& path) = 0;
};

/// A text without the passwords that a URL has, in whatever place libpq takes one.
std::string without_passwords(std::string text, const std::string& url);

/// "sqlite:PATH", for which missing directories are made, or "postgresql://..." (a connection URI
/// of libpq). Raises UsageError for another, and DatabaseError.
std::unique_ptr<Database> open_database(const std::string& url);

/// "sqlite:" and a file in $XDG_STATE_HOME/poetry-sync, by default ~/.local/state/poetry-sync (XDG
/// Base Directory Specification). Empty where there is no home directory.
std::string default_database();

std::unique_ptr<Database> open_sqlite(const std::string& path);
std::unique_ptr<Database> open_postgres(const std::string& url);

}  // namespace poetry::sync::store
