// What must be true of the store after every commit, whoever made it. One lives as long as one run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "poetry-sync/store/store.hpp"
#include "simulation/store_database.hpp"

namespace poetry::sync::simulation {

struct JobRow {
  store::Id record = 0;
  std::string state;
  std::int64_t revision = 0;
  std::int64_t fence = 0;
  std::int64_t lease = 0;
  std::int64_t due = 0;
  std::int64_t attempts = 0;
  std::int64_t fetched = 0;
  std::int64_t lines = 0;
  std::optional<std::int64_t> ended;
  std::string error;
  bool operator==(const JobRow&) const = default;
  [[nodiscard]] bool is_active() const { return is_taken() || state == "queued"; }
  [[nodiscard]] bool is_taken() const { return state == "running" || state == "cancelling"; }
};

struct RecordRow {
  std::string address;
  std::string name;
  std::optional<std::int64_t> synced;
  std::int64_t bytes = 0;
  bool removed = false;
  std::optional<std::int64_t> next = {};
  bool operator==(const RecordRow&) const = default;
};

/// Of the tables as a transaction sees them.
class Reader {
 public:
  explicit Reader(store::Transaction& sql) : sql_(sql) {}
  std::map<store::Id, JobRow> jobs();
  std::map<store::Id, RecordRow> records();
  /// When each record has changed last.
  std::map<store::Id, std::int64_t> changes();
  struct PartRow {
    store::Part part;
    std::string text;      ///< its pieces' bytes
    bool is_whole = true;  ///< no gap between pieces, and as long as the part says
  };
  std::vector<PartRow> parts(store::Id job);
  /// The log's texts; nothing where their numbers are not 1, 2, 3, ...
  std::optional<std::vector<std::string>> log(store::Id job);
  /// The last job of a record that was done; 0 for none.
  store::Id last_done(store::Id record);

 private:
  store::Transaction& sql_;
};

class Checks {
 public:
  Checks(World& world, Disk& disk) : world_(world), disk_(disk) {}
  /// After a commit of that thread. Whether it was one of changes.
  bool committed(const Fiber& by);
  /// Somebody was told of a job, for which they asked then.
  void promised(store::Id job, std::int64_t asked_ms) { promises_.emplace_back(job, asked_ms); }
  /// Once all is over.
  void finish();
  [[nodiscard]] std::size_t active_jobs() const { return active_; }
  [[nodiscard]] std::size_t jobs() const { return ended_.size(); }

 private:
  void check(const Fiber& by, Reader& reader);
  void check_jobs(const Fiber& by, const std::map<store::Id, JobRow>& now,
                  const std::map<store::Id, RecordRow>& records);
  void check_change(const Fiber& by, store::Id id, const JobRow& before, const JobRow& after);
  void check_worker(const Fiber& by, store::Id id, const JobRow& before, const JobRow& after);
  void check_asker(store::Id id, const JobRow& before, const JobRow& after);
  void check_active(Reader& reader, store::Id id, const JobRow& job);
  void check_schedule(store::Id id, store::Id record_id, const RecordRow& record);
  void check_part(store::Id id, const Reader::PartRow& row, const std::vector<std::string>& log);
  void check_texts(Reader& reader);
  void check_told(Reader& reader, const std::map<store::Id, JobRow>& jobs,
                  const std::map<store::Id, RecordRow>& records);
  void wrong(store::Id job, const std::string& what);

  World& world_;
  Disk& disk_;
  std::map<store::Id, JobRow> jobs_;
  std::map<store::Id, RecordRow> records_;
  std::map<store::Id, std::int64_t> changes_;
  std::map<store::Id, std::uint64_t> holders_;  // the claimant of each job
  std::map<store::Id, std::int64_t> ended_;     // when each job that is over ended
  std::vector<std::pair<store::Id, std::int64_t>> promises_;
  std::size_t active_ = 0;
};

}  // namespace poetry::sync::simulation
