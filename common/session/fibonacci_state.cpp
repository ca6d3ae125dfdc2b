#include "session/fibonacci_state.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.hpp"

namespace poetry::session {
namespace {

using Number = FibonacciRange::Number;
using SQLite::TransactionBehavior;

/// What marks a file as ours: "Fibo" in ASCII, and the version of the table.
constexpr std::uint32_t application_id = 0x4669626f;
constexpr std::uint32_t state_version = 1;

/// How long others may hold the lock: they hold it for milliseconds, but there may be many of them.
constexpr int busy_timeout_ms = 10'000;
constexpr base::Duration busy_timeout = std::chrono::milliseconds(busy_timeout_ms);
/// What is held for milliseconds is asked for again so soon.
constexpr auto busy_retry = std::chrono::milliseconds(2);

/// The first bytes of a database and where its marks are (sqlite.org/fileformat.html).
constexpr std::string_view magic{"SQLite format 3\0", 16};
constexpr std::size_t header_size = 100;
constexpr std::size_t version_at = 60;
constexpr std::size_t application_id_at = 68;

[[noreturn]] void fail(std::string_view attempt, const std::string& path, std::string_view why) {
  throw std::runtime_error(std::string(attempt).append(" ").append(path).append(": ").append(why));
}

/// Names the attempt and the path in what SQLite raises.
template <typename Body>
auto naming(std::string_view attempt, const std::string& path, Body body) {
  try {
    return body();
  } catch (const SQLite::Exception& error) {
    fail(attempt, path, error.what());
  }
}

/// SQLite's own files appear beside the state, so that the directory has to be writable as well.
void refuse_unwritable(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) {
    if (!S_ISREG(found.st_mode)) fail("open", path, "not a regular file");
    if (::eaccess(path.c_str(), R_OK | W_OK) != 0) base::throw_errno("open", path);
  } else if (errno != ENOENT) {
    base::throw_errno("open", path);
  }
  std::error_code error;
  const auto file = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
  if (error) throw std::system_error(error, "open " + path);
  if (::eaccess(file.parent_path().c_str(), W_OK | X_OK) != 0)
    base::throw_errno("write beside", path);
}

/// Through SQLite's own descriptor: to close another one of the same file would give up the locks
/// of every connection that this process has to it. Not by SQLite's size of the file, which is 0
/// for a file of one byte.
std::string read_header(SQLite::Database& database, const std::string& path) {
  sqlite3_file* file = nullptr;
  database.check(::sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER,
                                        static_cast<void*>(&file)));
  const auto size = std::min<std::uintmax_t>(std::filesystem::file_size(path), header_size);
  std::string header(size, '\0');
  if (size > 0)
    database.check(file->pMethods->xRead(file, header.data(), static_cast<int>(size), 0));
  return header;
}

void refuse_marks(const std::string& path, std::uint32_t application, std::uint32_t version) {
  if (application != application_id) fail("open", path, "the database of another application");
  if (version == state_version) return;
  fail("open", path,
       "a state of version " + std::to_string(version) + ", not " + std::to_string(state_version));
}

enum class Missing { refuse, create };

/// A connection to a state file or, with Missing::create, to an empty one. What is neither is told
/// by its header alone, before SQLite looks at the file and may write beside it or into it.
std::unique_ptr<SQLite::Database> connect(const std::string& path, Missing missing) {
  const int flags = SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX |
                    (missing == Missing::create ? SQLite::OPEN_CREATE : 0);
  // An absolute path has no other meaning to SQLite, as ":memory:" and "file:" have.
  auto database = std::make_unique<SQLite::Database>(std::filesystem::absolute(path).string(),
                                                     flags, busy_timeout_ms);
  const auto header = read_header(*database, path);
  if (!header.empty() || missing == Missing::refuse) {
    if (header.size() < header_size || !header.starts_with(magic))
      fail("open", path, "not a database");
    const auto* const bytes = reinterpret_cast<const unsigned char*>(header.data());
    refuse_marks(path, boost::endian::load_big_u32(bytes + application_id_at),
                 boost::endian::load_big_u32(bytes + version_at));
  }
  database->exec("PRAGMA synchronous = FULL");
  return database;
}

std::uint32_t number_of(SQLite::Database& database, const char* query) {
  return database.execAndGet(query).getUInt();
}

Number number_from(const SQLite::Column& column) {
  const auto* bytes = static_cast<const unsigned char*>(column.getBlob());
  Number number;
  boost::multiprecision::import_bits(number, bytes, bytes + column.getBytes(), 8);
  return number;
}

/// Runs a statement with the parameters ?1 to ?4.
void execute(SQLite::Database& database, const char* sql, std::int64_t first, std::uint64_t count,
             const FibonacciRange& numbers) {
  SQLite::Statement statement(database, sql);
  statement.bind(1, first);
  statement.bind(2, static_cast<std::int64_t>(count));
  int at = 3;
  for (const auto* number : {&numbers.number, &numbers.following}) {
    std::vector<unsigned char> bytes;
    boost::multiprecision::export_bits(*number, std::back_inserter(bytes), 8);
    statement.bind(at++, bytes.data(), static_cast<int>(bytes.size()));
  }
  statement.exec();
}

void create_table(SQLite::Database& database) {
  database.exec("PRAGMA application_id = " + std::to_string(application_id));
  database.exec("PRAGMA user_version = " + std::to_string(state_version));
  database.exec(
      "CREATE TABLE free (first INTEGER PRIMARY KEY, count INTEGER CHECK (count > 0),"
      " a BLOB NOT NULL, b BLOB NOT NULL) STRICT");
  database.exec("INSERT INTO free VALUES (1, NULL, x'01', x'02')");
}

void check_table(SQLite::Database& database, const std::string& path) {
  refuse_marks(path, number_of(database, "PRAGMA application_id"),
               number_of(database, "PRAGMA user_version"));
  if (database.execAndGet("PRAGMA quick_check(1)").getString() != "ok" ||
      number_of(database, "SELECT count(*) FROM free WHERE count IS NULL") != 1) {
    fail("open", path, "the state is damaged");
  }
}

/// A row of the table, whose count is 0 where it has no end.
std::optional<FibonacciRange> lowest_beyond(SQLite::Database& database, std::int64_t after) {
  SQLite::Statement query(
      database, "SELECT first, count, a, b FROM free WHERE first > ? ORDER BY first LIMIT 1");
  query.bind(1, after);
  if (!query.executeStep()) return std::nullopt;
  const auto count = static_cast<std::uint64_t>(query.getColumn(1).getInt64());  // 0 for NULL
  return FibonacciRange{query.getColumn(0).getInt64(), count, number_from(query.getColumn(2)),
                        number_from(query.getColumn(3))};
}

/// Takes `count` positions off the front of a row that begins at `first`.
void advance(SQLite::Database& database, FibonacciRange range) {
  const auto first = range.first;
  const auto count = range.count;
  while (range.count > 0) range.take();
  execute(database,
          "UPDATE free SET first = first + ?2, count = count - ?2, a = ?3, b = ?4 WHERE first = ?1",
          first, count, range);
}

}  // namespace

Number FibonacciRange::take() {
  Number taken = std::move(number);
  number = std::move(following);
  following = taken + number;
  ++first;
  --count;
  return taken;
}

void prepare_fibonacci(const std::string& path) {
  refuse_unwritable(path);
  naming("open", path, [&path] {
    const auto database = connect(path, Missing::create);
    SQLite::Transaction transaction(*database, TransactionBehavior::IMMEDIATE);
    // Also where the header had our marks, and a creation that a crash cut short is rolled back.
    if (number_of(*database, "PRAGMA application_id") == 0 &&
        number_of(*database, "SELECT count(*) FROM sqlite_schema") == 0) {
      create_table(*database);
    } else {
      check_table(*database, path);
    }
    transaction.commit();
    // Whoever has the file locked just then prepares it as well and is about to do the same. If it
    // cannot, draws are as safe without the write-ahead log, only slower.
    if (database->tryExec("PRAGMA journal_mode = WAL") != SQLITE_OK &&
        database->getErrorCode() != SQLITE_BUSY) {
      fail("open", path, database->getErrorMsg());
    }
  });
}

FibonacciState::FibonacciState(const std::string& path, const std::atomic<bool>& stopping)
    : path_(path), stopping_(stopping), process_(::getpid()) {
  struct stat found {};
  if (::stat(path_.c_str(), &found) == 0) file_ = {found.st_dev, found.st_ino};
  naming("open", path_, [this] {
    database_ = connect(path_, Missing::refuse);
    database_->check(::sqlite3_busy_handler(database_->getHandle(), &wait_for_lock, this));
  });
}

/// A busy handler (sqlite.org/c3ref/busy_handler.html): 0 gives up.
int FibonacciState::wait_for_lock(void* self, int /*times*/) {
  const auto& state = *static_cast<const FibonacciState*>(self);
  if (state.stopping_ || state.give_up_at_ <= base::Clock::now()) return 0;
  std::this_thread::sleep_for(busy_retry);
  return 1;
}

/// Before each operation. SQLite would go on with a file that has no name any more, and all of its
/// numbers be lost.
void FibonacciState::begin() {
  give_up_at_ = base::later(base::Clock::now(), busy_timeout);
  struct stat found {};
  if (::stat(path_.c_str(), &found) < 0) base::throw_errno("draw from", path_);
  if (file_ != std::pair(found.st_dev, found.st_ino))
    fail("draw from", path_, "it was replaced while in use");
}

FibonacciState::~FibonacciState() {
  if (process_ != ::getpid()) static_cast<void>(database_.release());
}

FibonacciRange FibonacciState::reserve(std::uint64_t max, std::int64_t after,
                                       std::int64_t reserved) {
  begin();
  return naming("draw from", path_, [&] {
    SQLite::Transaction transaction(*database_, TransactionBehavior::IMMEDIATE);
    const auto end = database_->execAndGet("SELECT max(first) FROM free WHERE count IS NULL");
    if (end.getInt64() <= reserved)
      fail("draw from", path_, "it is behind what was drawn: an old copy was put back");
    auto range = lowest_beyond(*database_, after);
    if (!range) fail("draw from", path_, "the state is damaged");
    if (range->count != 0 && range->count <= max) {
      database_->exec("DELETE FROM free WHERE first = " + std::to_string(range->first));
    } else {
      range->count = max;
      advance(*database_, *range);
    }
    transaction.commit();
    return *std::move(range);
  });
}

void FibonacciState::give_back(const FibonacciRange& rest) {
  begin();
  naming("give back to", path_, [&] {
    SQLite::Transaction transaction(*database_, TransactionBehavior::IMMEDIATE);
    execute(*database_, "INSERT INTO free VALUES (?1, ?2, ?3, ?4)", rest.first, rest.count, rest);
    transaction.commit();
  });
}

}  // namespace poetry::session
