// The database in a file, by SQLite: write-ahead log, and every commit synchronised to the disk
// (synchronous=FULL), so that what is acknowledged survives a loss of power.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "store/database.hpp"
#include "store/sql.hpp"

namespace poetry::sync::store {
namespace {

constexpr int busy_timeout_ms = 2'000;  // others hold the lock for milliseconds
constexpr mode_t owner_only = 0600;
constexpr auto pause_when_locked = std::chrono::milliseconds(10);
constexpr auto look_again = std::chrono::milliseconds(100);  // for commits of other processes

/// A connection and its prepared statements; used by one thread at a time.
class Connection final : public Transaction {
 public:
  explicit Connection(const std::string& path)
      : database_(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_timeout_ms) {
    if (execute("PRAGMA page_count", {}).at(0).integer(0) == 0)  // else it takes the lock to write
      database_.exec("PRAGMA auto_vacuum = INCREMENTAL");
    write_ahead();
    database_.exec("PRAGMA journal_size_limit = 67108864");
    database_.exec("PRAGMA synchronous = FULL");
    database_.exec("PRAGMA foreign_keys = ON");
  }

  Rows execute(const std::string& sql, std::span<const Value> values) override {
    auto& statement = prepared(sql);
    const Reset reset{statement};
    for (std::size_t i = 0; i < values.size(); ++i)
      bind(statement, static_cast<int>(i) + 1, values[i]);
    Rows rows;
    while (statement.executeStep()) {
      std::vector<Value> row;
      for (int i = 0; i < statement.getColumnCount(); ++i)
        row.push_back(value_of(statement.getColumn(i)));
      rows.emplace_back(std::move(row));
    }
    return rows;
  }

  void run(Access access, const std::function<void(Transaction&)>& work) {
    using Behaviour = SQLite::TransactionBehavior;
    SQLite::Transaction transaction(
        database_, access == Access::write ? Behaviour::IMMEDIATE : Behaviour::DEFERRED);
    work(*this);
    transaction.commit();
  }

  /// A number that changes with every commit of another connection.
  std::int64_t data_version() { return execute("PRAGMA data_version", {}).at(0).integer(0); }

 private:
  /// A statement that is not reset keeps its transaction's locks.
  struct Reset {
    SQLite::Statement& statement;
    ~Reset() {
      statement.tryReset();
      statement.clearBindings();
    }
  };

  /// SQLite does not wait by itself where another does the same to a new file.
  void write_ahead() {
    const auto until = base::later(base::Clock::now(), std::chrono::milliseconds(busy_timeout_ms));
    for (;;) {
      try {
        database_.exec("PRAGMA journal_mode = WAL");
        return;
      } catch (const SQLite::Exception& error) {
        if (error.getErrorCode() != SQLITE_BUSY || base::Clock::now() >= until) throw;
      }
      std::this_thread::sleep_for(pause_when_locked);
    }
  }

  SQLite::Statement& prepared(const std::string& sql) {
    const auto known = statements_.find(sql);
    if (known != statements_.end()) return known->second;
    auto numbered = sql;  // SQLite counts $1 by its place, and ?1 by its number
    std::replace(numbered.begin(), numbered.end(), '$', '?');
    return statements_.emplace(sql, SQLite::Statement(database_, numbered)).first->second;
  }

  static void bind(SQLite::Statement& statement, int place, const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(place, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      statement.bindNoCopy(place, *text);
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
      statement.bindNoCopy(place, blob->bytes.data(), static_cast<int>(blob->bytes.size()));
    }
  }

  static Value value_of(const SQLite::Column& column) {
    if (column.isNull()) return {};
    if (column.isInteger()) return column.getInt64();
    if (column.isBlob()) return Blob{column.getString()};
    return column.getString();
  }

  SQLite::Database database_;
  std::map<std::string, SQLite::Statement> statements_;
};

class Sqlite final : public Database {
 public:
  explicit Sqlite(std::string path) : path_(std::move(path)) {
    guarded([&] {
      writer_ = std::make_unique<Connection>(path_);
      watcher_ = std::make_unique<Connection>(path_);
      seen_ = watcher_->data_version();
    });
  }

  void transact(Access access, const std::function<void(Transaction&)>& work) override {
    guarded([&] {
      if (access == Access::write) {
        const Turn turn(*this);  // SQLite's own waiting is unfair
        writer_->run(access, work);
      } else {
        auto reader = readers_.take();
        if (!reader) reader = std::make_unique<Connection>(path_);
        reader->run(access, work);
        readers_.put_back(std::move(reader));
      }
    });
    if (access == Access::read) return;
    const std::lock_guard lock(telling_);
    news_ = true;
    told_.notify_all();
  }

  bool wait_for_news(base::Duration longest) override {
    const auto until = base::later(base::Clock::now(), longest);
    for (;;) {
      const auto version = guarded([&] { return watcher_->data_version(); });
      if (std::exchange(seen_, version) != version) return true;
      const auto now = base::Clock::now();
      if (now >= until) return false;
      std::unique_lock lock(telling_);
      told_.wait_for(lock, std::min<base::Duration>(look_again, until - now),
                     [this] { return news_; });
      news_ = false;
    }
  }

  void settle() override {
    guarded([&] {
      const Turn turn(*this);
      writer_->execute("PRAGMA wal_checkpoint(PASSIVE)", {});
    });
  }

  [[nodiscard]] const Dialect& dialect() const override { return dialect_; }

  void backup(const std::string& path) override {
    // SQLite takes an empty file for none.
    const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) base::throw_errno("back up to", path);
    try {
      guarded([&] {  // an absolute path, so that no name is taken for a URI
        Connection reader(path_);
        reader("VACUUM INTO $1", {std::filesystem::absolute(path).string()});
      });
      if (::fsync(file.get()) < 0) base::throw_errno("back up to", path);
    } catch (...) {
      ::unlink(path.c_str());
      throw;
    }
  }

 private:
  template <typename Work>
  std::invoke_result_t<const Work&> guarded(const Work& work) const {
    try {
      return work();
    } catch (const SQLite::Exception& error) {
      const int code = error.getErrorCode();
      const bool passes = code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_FULL ||
                          code == SQLITE_IOERR;
      throw DatabaseError(passes ? DatabaseError::Kind::passing : DatabaseError::Kind::lasting,
                          "database " + path_ + ": " + error.what());
    }
  }

  /// The right to write, which one thread has at a time. Not a timed_mutex, of which
  /// ThreadSanitizer does not see that it was taken.
  class Turn {
   public:
    explicit Turn(Sqlite& database) : database_(database) {
      std::unique_lock lock(database_.writing_);
      if (!database_.written_.wait_for(lock, std::chrono::milliseconds(busy_timeout_ms),
                                       [this] { return !database_.is_writing_; })) {
        throw SQLite::Exception("database is locked", SQLITE_BUSY);
      }
      database_.is_writing_ = true;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      const std::lock_guard lock(database_.writing_);
      database_.is_writing_ = false;
      database_.written_.notify_one();
    }

   private:
    Sqlite& database_;
  };

  const std::string path_;
  const Dialect dialect_{sqlite_terms.begin(), sqlite_terms.end()};
  std::mutex writing_;
  std::condition_variable written_;
  bool is_writing_ = false;
  std::unique_ptr<Connection> writer_;
  IdlePool<Connection> readers_;
  std::unique_ptr<Connection> watcher_;
  std::int64_t seen_ = 0;
  std::mutex telling_;
  std::condition_variable told_;
  bool news_ = false;
};

/// Those that are missing, for the user alone.
void make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) return;
  make_folders(folder.parent_path());
  if (std::filesystem::create_directory(folder))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
}

}  // namespace

std::unique_ptr<Database> open_sqlite(const std::string& path) {
  try {
    make_folders(std::filesystem::path(path).parent_path());
  } catch (const std::filesystem::filesystem_error& error) {
    throw DatabaseError(DatabaseError::Kind::lasting,
                        "database " + path + ": make its directory: " + error.code().message());
  }
  // SQLite gives the files beside it the same rights. Closed before it opens the file: to close any
  // descriptor of one later would give up the process's locks of it (fcntl(2)).
  base::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, owner_only)).reset();
  return std::make_unique<Sqlite>(path);
}

}  // namespace poetry::sync::store
