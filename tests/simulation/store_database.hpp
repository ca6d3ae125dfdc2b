// A process's way to the one database of a run: SQLite or PostgreSQL as it is, behind points at
// which something may go wrong, and with the world's clock for its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
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

/// What all runs use in turn, and all processes of a run together. Owned by main.
class Disk {
 public:
  explicit Disk(Mistake mistake) : mistake_(std::move(mistake)) {}
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  /// As new: the tables are there, and empty.
  virtual void clear() = 0;
  /// Whose statements ask simulated_now() for the time.
  virtual store::Database& database() = 0;
  /// Whether somebody has committed a change since the last call.
  virtual bool has_news() = 0;
  /// Whether who writes keeps others from it until the commit.
  [[nodiscard]] virtual bool has_one_writer() const = 0;
  /// The statement with the mistake that is made.
  [[nodiscard]] std::string as_made(std::string sql) const;

 protected:
  /// Makes the tables, with the mistake.
  void make_tables();

 private:
  const Mistake mistake_;
};

/// A file in /dev/shm, or where there is none in a directory for temporary files.
std::unique_ptr<Disk> make_file(const Mistake& mistake);
/// A schema of its own in that database of PostgreSQL, gone with the disk.
std::unique_ptr<Disk> make_schema(const std::string& url, const Mistake& mistake);

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
