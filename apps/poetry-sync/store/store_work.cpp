// The store's part for workers: to take a job, to write what came of it, to end it, and to delete
// what is not kept, in small steps, so that nobody waits for it. A job's fence goes up with every
// taking, so that who lost it can write no more.
#include "store/rows.hpp"
#include "store/sql.hpp"
#include "store/store.hpp"

namespace poetry::sync::store {
namespace {

constexpr std::int64_t pieces_at_once = 8;  // of some MiB
constexpr std::int64_t parts_at_once = 100;
constexpr std::int64_t lines_at_once = 1000;
constexpr std::int64_t day_ms = 86'400'000;

std::int64_t millis(base::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

Value or_null(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value();
}

/// What a claim is worth, of whose job the state was found, or nothing.
Standing standing_of(const Rows& rows) {
  if (rows.empty()) return Standing::lost;
  return rows.front().text(0) == "cancelling" ? Standing::cancelling : Standing::held;
}

void put_part(Sql& sql, Id job, const Part& part) {
  const auto& source = part.source;
  sql(statement::put_part,
      {job, part.number, part.name, part.address, part.bytes, std::int64_t{part.complete ? 1 : 0},
       or_null(part.expected), part.sha256, source ? Value(source->job) : Value(),
       source ? Value(source->part) : Value()});
}

/// What was stored from its start on is replaced, also where that is within a piece.
void put_piece(Sql& sql, Id job, const Changes::Piece& piece) {
  sql("DELETE FROM pieces WHERE job = $1 AND part = $2 AND start >= $3",
      {job, piece.part, piece.start});
  sql(statement::cut_last_piece, {job, piece.part, piece.start});
  if (piece.bytes.empty()) return;
  sql("INSERT INTO pieces (job, part, start, bytes) VALUES ($1, $2, $3, $4)",
      {job, piece.part, piece.start, Blob{piece.bytes}});
}

/// Writes and renews the lease; nothing where the claim is lost.
Standing put(Sql& sql, const Claim& claim, const Changes& changes, base::Duration lease) {
  const auto lines = static_cast<std::int64_t>(changes.lines.size());
  const auto changed =
      sql(statement::renew_lease,
          {claim.job, claim.fence, millis(lease), lines, std::int64_t{changes.empty() ? 0 : 1},
           lines == 0 ? Value() : or_null(changes.written)});
  const auto standing = standing_of(changed);
  if (standing == Standing::lost) return standing;
  auto number = changed.front().integer(1) - lines;
  const auto at = changed.front().integer(2);
  for (const auto& text : changes.lines) {
    sql("INSERT INTO log (job, number, at, text) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        {claim.job, ++number, at, text});
  }
  for (const auto& part : changes.parts) put_part(sql, claim.job, part);
  for (const auto& piece : changes.pieces) put_piece(sql, claim.job, piece);
  if (!changes.parts.empty()) sql(statement::count_fetched, {claim.job, or_null(changes.expected)});
  return standing;
}

/// Some of the text of jobs that are over.
bool prune_texts(Sql& sql, Id record, bool removed) {
  const auto parts =
      sql(statement::parts_to_prune, {record, std::int64_t{removed ? 1 : 0}, parts_at_once});
  auto left = pieces_at_once;
  for (const auto& part : parts) {
    const auto job = part.integer(0);
    const auto number = part.integer(1);
    left -= std::ssize(sql(statement::prune_pieces, {job, number, left}));
    if (left <= 0) break;
    sql("DELETE FROM parts WHERE job = $1 AND number = $2", {job, number});
  }
  return !parts.empty();
}

/// Some of the log of the oldest job that is not kept, or that job.
bool prune_jobs(Sql& sql, Id record, bool removed, const Keep& keep) {
  const auto since = static_cast<std::int64_t>(keep.days) * day_ms;
  const auto jobs = sql(statement::job_to_prune, {record, std::int64_t{removed ? 1 : 0}, since,
                                                  static_cast<std::int64_t>(keep.jobs)});
  if (jobs.empty()) return false;
  const auto job = jobs.front().integer(0);
  const auto deleted = sql(statement::prune_log, {job, lines_at_once});
  if (std::ssize(deleted) < lines_at_once) sql("DELETE FROM jobs WHERE id = $1", {job});
  return true;
}

}  // namespace

void Changes::put(const Part& part) {
  std::erase_if(parts, [&](const Part& each) { return each.number == part.number; });
  parts.push_back(part);
}

std::optional<Store::Taken> Store::take(const std::string& worker, base::Duration lease,
                                        std::uint64_t max_attempts) {
  return transact(database_, Access::write, [&](Sql& sql) -> std::optional<Taken> {
    const auto rows = sql(statement::job_to_take);
    if (rows.empty()) return std::nullopt;
    const auto id = rows.front().integer(0);
    const auto changed = sql(statement::take_job,
                             {id, worker, millis(lease), static_cast<std::int64_t>(max_attempts)});
    const auto job = find_job(sql, id);
    return Taken{{id, changed.front().integer(0)},
                 job,
                 find_record(sql, job.record),
                 changed.front().integer(1)};
  });
}

std::optional<Millis> Store::next_due() {
  return transact(database_, Access::read,
                  [&](Sql& sql) { return sql(statement::next_due).front().maybe_integer(0); });
}

std::vector<Part> Store::parts(Id job) {
  return transact(database_, Access::read, [&](Sql& sql) { return parts_of(sql, job); });
}

std::string Store::stored(Id job, std::int64_t part, std::int64_t start, std::int64_t max) {
  return transact(database_, Access::read, [&](Sql& sql) {
    const auto rows = sql(statement::stored_bytes, {job, part, start, max});
    return rows.empty() ? std::string() : rows.front().bytes(0);
  });
}

Standing Store::standing(const Claim& claim) {
  return transact(database_, Access::read, [&](Sql& sql) {
    return standing_of(
        sql("SELECT state FROM jobs WHERE id = $1 AND fence = $2 AND state IN {taken}",
            {claim.job, claim.fence}));
  });
}

Standing Store::write(const Claim& claim, const Changes& changes, base::Duration lease) {
  return transact(database_, Access::write,
                  [&](Sql& sql) { return put(sql, claim, changes, lease); });
}

bool Store::end(const Claim& claim, const Changes& changes, const Ending& ending) {
  return transact(database_, Access::write, [&](Sql& sql) {
    lock_record_of(sql, claim.job);
    const auto standing = put(sql, claim, changes, base::Duration{});
    if (standing == Standing::lost) return false;
    // Who cancelled is told so, whatever the attempt came to, unless it was done by then.
    const bool cancelled = standing == Standing::cancelling && ending.state != JobState::done;
    const auto to = cancelled ? JobState::cancelled : ending.state;
    sql(statement::end_attempt,
        {claim.job, claim.fence, std::string(name_of(to)), ending.error, millis(ending.delay)});
    if (to != JobState::done) return true;
    sql(statement::record_is_synced, {claim.job});
    return true;
  });
}

void Store::release(const Claim& claim) {
  transact(database_, Access::write, [&](Sql& sql) {
    return sql(statement::give_back, {claim.job, claim.fence});
  });
}

bool Store::prune(Id record, const Keep& keep) {
  return transact(database_, Access::write, [&](Sql& sql) {
    const auto found = sql("SELECT removed FROM records WHERE id = $1", {record});
    if (found.empty()) return false;
    const bool removed = found.front().integer(0) > 0;
    const bool pruned = prune_texts(sql, record, removed) || prune_jobs(sql, record, removed, keep);
    if (!pruned && removed) sql("DELETE FROM records WHERE id = $1", {record});
    if (pruned && !sql.text_of("{reclaim}").empty()) sql("{reclaim}");
    return pruned;
  });
}

Id Store::removed_record() {
  return transact(database_, Access::read, [](Sql& sql) {
    const auto rows = sql("SELECT min(id) FROM records WHERE removed > 0");
    return rows.front().maybe_integer(0).value_or(0);
  });
}

}  // namespace poetry::sync::store
