// A process's way to the one database of a run: SQLite as it is, behind points at which something
// may go wrong, and with the world's clock for its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "poetry-sync/store/database.hpp"
#include "simulation/store_faults.hpp"
#include "simulation/store_world.hpp"

namespace poetry::sync::simulation {

/// What is made wrong on purpose: a piece of statements, and what stands in its place.
struct Mistake {
  std::string name;
  std::string old_text;
  std::string new_text;
  std::string sql = {};  ///< done to the new tables
};

/// The file that all runs use in turn, in memory. All processes share its connections: who writes
/// has SQLite's lock, and what is read is read at one moment, so that nobody sees the difference
/// but in the time that it takes. Owned by main.
class Disk {
 public:
  /// In /dev/shm, or where there is none in a directory for temporary files.
  explicit Disk(Mistake mistake = {});
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk();

  /// As new: the tables are there, and empty.
  void clear();
  store::Database& database() { return *database_; }
  /// The statement with the mistake that is made.
  [[nodiscard]] std::string as_made(std::string sql) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const Mistake mistake_;
  std::string folder_;
  std::string path_;
  std::unique_ptr<store::Database> database_;
};

/// What the processes of a run share.
struct Shared {
  World& world;
  Faults& faults;
  Disk& disk;
  /// Called after each commit, before anybody else does something. Whether it was one of changes.
  std::function<bool(const Fiber& by)> committed;
  const Process* writer = nullptr;     ///< who has SQLite's lock
  std::uint64_t commits = 0;           ///< of changes
  std::vector<Fiber*> listeners = {};  ///< who waits for news
};

class SimulatedDatabase final : public store::Database {
 public:
  explicit SimulatedDatabase(Shared& shared);

  /// From now on its transactions have points; before, a process begins.
  void arm() { armed_ = true; }

  void transact(store::Access access,
                const std::function<void(store::Transaction&)>& work) override;
  bool wait_for_news(base::Duration longest) override;
  [[nodiscard]] const store::Dialect& dialect() const override { return dialect_; }
  void backup(const std::string& path) override { real_.backup(path); }

 private:
  void write(const std::function<void(store::Transaction&)>& work);
  void read(const std::function<void(store::Transaction&)>& work);

  Shared& shared_;
  store::Database& real_;
  store::Dialect dialect_;
  std::uint64_t seen_ = 0;
  bool armed_ = false;
};

}  // namespace poetry::sync::simulation
