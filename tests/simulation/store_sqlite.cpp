#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "simulation/store_database.hpp"

namespace poetry::sync::simulation {
namespace {

/// Connections ask the world for the time, those of production code too.
int add_clock(sqlite3* database, const char**, const void*) {
  return sqlite3_create_function(
      database, "simulated_now", 0, SQLITE_UTF8, nullptr,
      [](sqlite3_context* context, int, sqlite3_value**) {
        sqlite3_result_int64(context, World::here().wall_ms());
      },
      nullptr, nullptr);
}

/// All processes share its connections: who writes has SQLite's lock, and what is read is read at
/// one moment, so that nobody sees the difference but in the time that it takes.
class File final : public Disk {
 public:
  explicit File(const Mistake& mistake) : Disk(mistake) {
    const bool has_memory = std::filesystem::is_directory("/dev/shm");
    folder_ = (has_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) +
              "/slow-poetry-simulation-XXXXXX";
    if (::mkdtemp(folder_.data()) == nullptr) base::throw_errno("make", folder_);
    // One thread uses all connections.
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MMAP_SIZE, sqlite3_int64{1} << 26, sqlite3_int64{1} << 26);
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(add_clock));
    const auto path = folder_ + "/library.db";
    database_ = store::open_sqlite(path);
    make_tables();
    watcher_.emplace(path, SQLite::OPEN_READONLY);
    version_.emplace(*watcher_, "PRAGMA data_version");
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() override {
    version_.reset();
    watcher_.reset();
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void clear() override {
    database_->transact(store::Access::write, [](store::Transaction& sql) {
      for (const auto* table :
           {"pieces", "parts", "log", "jobs", "records", "changes", "sqlite_sequence"})
        sql(std::string("DELETE FROM ") + table);
    });
  }
  store::Database& database() override { return *database_; }
  bool has_news() override {
    version_->executeStep();
    const auto version = version_->getColumn(0).getInt64();
    version_->reset();
    return std::exchange(seen_, version) != version;
  }
  [[nodiscard]] bool has_one_writer() const override { return true; }

 private:
  std::string folder_;
  std::unique_ptr<store::Database> database_;
  std::optional<SQLite::Database> watcher_;
  std::optional<SQLite::Statement> version_;
  std::int64_t seen_ = 0;
};

}  // namespace

std::unique_ptr<Disk> make_file(const Mistake& mistake) { return std::make_unique<File>(mistake); }

}  // namespace poetry::sync::simulation
