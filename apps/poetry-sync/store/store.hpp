// What poetry-sync keeps: records, their jobs, the jobs' logs and what was fetched. Every rule that
// must survive a crash is a transaction here. Owned by main, and used by several threads at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.hpp"

namespace poetry::sync::store {

/// An id of a record or job: 1 and up, never used twice.
using Id = std::int64_t;
/// Milliseconds since 1970, by the database's clock.
using Millis = std::int64_t;

enum class RecordType { poem, collection, weblog };
inline constexpr std::array<std::string_view, 3> record_type_names{"poem", "collection", "weblog"};

enum class JobState { queued, running, cancelling, done, failed, cancelled };
inline constexpr std::array<std::string_view, 6> job_state_names{"queued", "running", "cancelling",
                                                                 "done",   "failed",  "cancelled"};

constexpr std::string_view name_of(RecordType type) {
  return record_type_names.at(static_cast<std::size_t>(type));
}
constexpr std::string_view name_of(JobState state) {
  return job_state_names.at(static_cast<std::size_t>(state));
}

constexpr bool is_active(JobState state) { return state <= JobState::cancelling; }

/// Raises UsageError listing the valid ones.
RecordType parse_record_type(std::string_view text);

/// Raises UsageError for anything else than an id in decimal digits.
Id parse_id(std::string_view text);

/// What somebody asked for is not there, or does not go. Its message is for them.
class Refusal : public std::runtime_error {
 public:
  enum class Kind { unknown, conflict };
  Refusal(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// Rows become jobs, records, lines and parts by the order of their members: see terms.sql.

struct Job {
  Id id = 0;
  Id record = 0;
  JobState state = JobState::queued;
  std::int64_t revision = 0;  ///< goes up with every change
  Millis created = 0;
  std::optional<Millis> started;
  std::optional<Millis> ended;
  Millis due = 0;                        ///< while it is queued: not before
  std::int64_t attempts = 0;             ///< times that a worker took it
  std::int64_t max_attempts = 0;         ///< of the worker that had it last; 0: none had it
  std::int64_t fetched = 0;              ///< bytes
  std::optional<std::int64_t> expected;  ///< bytes, where that is known
  std::int64_t lines = 0;                ///< of its log
  std::string worker;                    ///< who has it, or had it last
  std::string error;
};

struct SyncRecord {
  Id id = 0;
  RecordType type = RecordType::poem;
  std::string address;
  std::string name;
  Millis created = 0;
  std::optional<Millis> synced = {};  ///< the end of the last job that was done
  std::int64_t bytes = 0;             ///< of what that one stored
  Millis every = 0;                   ///< it is synced by itself so often; 0 never
  std::optional<Millis> next = {};    ///< when that is next
  std::optional<Job> job = {};        ///< the latest
};

struct LogLine {
  std::int64_t number = 0;  ///< within its job, from 1
  Millis at = 0;
  std::string text;
};

/// One of the texts that a job fetches: a poem, a collection's poem, a weblog's records.
struct Part {
  std::int64_t number = 0;  ///< within its job, from 0
  std::string name;
  std::string address;
  std::int64_t bytes = 0;  ///< stored so far
  bool complete = false;
  std::optional<std::int64_t> expected = {};
  std::string sha256 = {};  ///< that it should have, or has once it is complete; may be empty
  /// Whose bytes these are, where they are another job's.
  struct Source {
    Id job = 0;
    std::int64_t part = 0;
  };
  std::optional<Source> source = {};
};

/// The right to work on a job. One that was taken over is refused.
struct Claim {
  Id job = 0;
  std::int64_t fence = 0;
};

/// What a worker has to write: all of it in one transaction, or nothing.
struct Changes {
  struct Piece {
    std::int64_t part = 0;
    std::int64_t start = 0;  ///< where in the part; what was stored from there on is replaced
    std::string bytes;
  };
  std::vector<Part> parts = {};  ///< new ones, or as they are now
  std::vector<Piece> pieces = {};
  std::vector<std::string> lines = {};
  std::optional<std::int64_t> expected = {};  ///< of the job
  /// Lines of the job's log before these, where that is known; then to write twice is to write
  /// once.
  std::optional<std::int64_t> written = {};
  /// A part as it is now, in place of what is to be written of it already.
  void put(const Part& part);
  [[nodiscard]] bool empty() const { return parts.empty() && pieces.empty() && lines.empty(); }
};

/// How much of a record's history stays.
struct Keep {
  std::uint64_t jobs = 20;  ///< the latest
  std::uint64_t days = 0;   ///< since a job's end; 0: however old
};

enum class Standing { held, cancelling, lost };

/// How a job's attempt ends.
struct Ending {
  JobState state = JobState::done;  ///< queued: again after `delay`
  base::Duration delay{};
  std::string error = {};
};

class Store {
 public:
  /// Makes or brings up to date the tables. Raises DatabaseError, also where they are a newer
  /// version's. Borrows the database.
  explicit Store(Database& database);

  // Records. Each operation raises DatabaseError, and Refusal where it says so.

  /// Refuses a type and address that there is already.
  SyncRecord add(const SyncRecord& record);
  /// With its jobs and texts, which prune() deletes. Refuses an unknown one, and one that a worker
  /// is at, unless that has been told to stop, or is not heard of any more.
  void remove(Id record);
  std::vector<SyncRecord> records();
  /// Those behind an id whose name or address has the text in it, whatever its case, and whose
  /// latest job is in the state; "new" is without a job, "" any.
  std::vector<SyncRecord> records_after(Id id, const std::string& text, const std::string& state,
                                        std::int64_t max);
  struct News {
    std::int64_t horizon = 0;  ///< to ask for the next time
    std::vector<SyncRecord> records;
    std::vector<Id> removed;
  };
  /// The records that have changed since, themselves or by their jobs; some perhaps a second time.
  /// All without a horizon.
  News news_since(std::optional<std::int64_t> horizon);
  /// Refuses an unknown one.
  SyncRecord record(Id record);

  // Jobs.

  struct Requested {
    Job job;
    bool is_new = false;
  };
  /// Queues a job, or returns the active one. Durable when it returns. Refuses an unknown record.
  Requested request(Id record);
  /// The same; refuses a record of another type, too.
  Requested request(RecordType type, Id record);
  /// The same for many records, all without a list, in one transaction. In the order of their ids.
  std::vector<Requested> request_all(std::optional<std::span<const Id>> records);
  Job job(Id id);
  /// Those before that id (0: all), latest first.
  std::vector<Job> jobs_before(Id id, std::int64_t max);
  std::vector<Job> jobs_of(Id record, std::int64_t max);
  std::vector<Job> active_jobs();
  /// At once, where no worker is at it. Refuses one that is over.
  Job cancel(Id id);
  /// Queues the record of a job that failed or was cancelled again, as request() does.
  Requested retry(Id id);
  /// Those behind that number that have the text in them, whatever its case.
  std::vector<LogLine> log_after(Id job, std::int64_t number, std::int64_t max,
                                 const std::string& text = {});

  /// Jobs there are in each state, in the states' order.
  std::array<std::int64_t, job_state_names.size()> count_jobs();

  // What is stored.

  /// Deletes in one small transaction a part of what is not kept of a record: of one that was
  /// removed, all; else what `keep` says, but for the texts of the last two jobs that were done,
  /// and of the latest. False where nothing is left to delete.
  bool prune(Id record, const Keep& keep);
  /// One that was removed, and is not deleted yet; 0 for none.
  Id removed_record();

  // Work.

  struct Taken {
    Claim claim;
    Job job;
    SyncRecord record;
    Millis now = 0;
  };
  /// The job that has been due for longest, or whose lease has run out; leased for so long. That is
  /// an attempt, of so many, however it ends.
  std::optional<Taken> take(const std::string& worker, base::Duration lease,
                            std::uint64_t max_attempts = 5);
  /// Milliseconds until a job may be taken; none where none waits.
  std::optional<Millis> next_due();
  std::vector<Part> parts(Id job);
  /// Stored bytes of a part from `start` on, up to `max` of them; empty at its end.
  std::string stored(Id job, std::int64_t part, std::int64_t start, std::int64_t max);
  /// Whether the claim holds, without renewing it.
  Standing standing(const Claim& claim);
  /// Writes and renews the lease, unless it is lost; then nothing is written.
  Standing write(const Claim& claim, const Changes& changes, base::Duration lease);
  /// Writes and ends the attempt. False where the claim was lost, and nothing is written.
  bool end(const Claim& claim, const Changes& changes, const Ending& ending);
  /// Gives the lease back, so that the job is taken at once, and does not count as an attempt.
  void release(const Claim& claim);

  /// Commits a write that nobody sees. Raises DatabaseError where nothing can be stored.
  void try_to_write();
  bool wait_for_news(base::Duration longest) { return database_.wait_for_news(longest); }
  void settle() { database_.settle(); }
  [[nodiscard]] bool hears_news() const { return database_.hears_news(); }

  // What is done to several records, or all of one, at once.

  /// Adds all in one transaction; one whose type and address are there already is returned with
  /// the id 0.
  std::vector<SyncRecord> add_all(std::vector<SyncRecord> records);
  /// Puts in force a record's address, name and `every`. Refuses an unknown one, an address that
  /// another has, and another address while a worker has its job.
  SyncRecord edit(const SyncRecord& record);

  struct Text {
    Id job = 0;  ///< 0: the record is not synced yet
    std::vector<Part> parts = {};
  };
  /// The last job of the record that was done and its parts, as they are at one moment.
  Text text(Id record);
  /// Reads the bytes of such parts one behind the other, a piece a call; the last is empty. That
  /// raises DatabaseError, and std::runtime_error where they were deleted meanwhile, since others
  /// have replaced them.
  std::function<std::string()> read(const Text& text);

  /// Requests the records that are to be synced by themselves now, each once however often its time
  /// has come meanwhile.
  void request_due();

  void backup(const std::string& path) { database_.backup(path); }

 private:
  Database& database_;
};

/// An address "[HOST:]PORT" and a name, as they are stored. Each raises UsageError: for one that
/// does not parse, and for one beyond 200 bytes.
std::string checked_address(const std::string& address);
std::string checked_name(const std::string& name);

/// How often a record is to be synced by itself, "10m"; 0 is never. Raises UsageError for what is
/// between 0 and a second.
Millis parse_every(std::string_view text);

/// One to be added, named like its address where the name is empty. Raises UsageError as those two.
SyncRecord new_record(RecordType type, const std::string& address, const std::string& name);
}  // namespace poetry::sync::store
