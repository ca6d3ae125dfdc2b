// The store's part for workers: to take a job, to write what came of it, to end it. A job's fence
// goes up with every taking, so that who lost it can write no more.
#include "store/rows.hpp"
#include "store/store.hpp"

namespace poetry::sync::store {
namespace {

std::int64_t millis(base::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

Value value_of(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value();
}

/// What a claim is worth, of whose job the state was found, or nothing.
Standing standing_of(const Rows& rows) {
  if (rows.empty()) return Standing::lost;
  return rows.front().text(0) == "cancelling" ? Standing::cancelling : Standing::held;
}

void put_part(Sql& sql, Id job, const Part& part) {
  const auto& source = part.source;
  sql("INSERT INTO parts"
      " (job, number, name, address, bytes, complete, expected, sha256, source, source_part)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (job, number) DO UPDATE SET"
      " name = excluded.name, address = excluded.address, bytes = excluded.bytes,"
      " complete = excluded.complete, expected = excluded.expected, sha256 = excluded.sha256",
      {job, part.number, part.name, part.address, part.bytes, std::int64_t{part.complete ? 1 : 0},
       value_of(part.expected), part.sha256, source ? Value(source->job) : Value(),
       source ? Value(source->part) : Value()});
}

/// What was stored from its start on is replaced, also where that is within a piece.
void put_piece(Sql& sql, Id job, const Changes::Piece& piece) {
  sql("DELETE FROM pieces WHERE job = $1 AND part = $2 AND start >= $3",
      {job, piece.part, piece.start});
  sql("UPDATE pieces SET bytes = substr(bytes, 1, CAST($3 - start AS INTEGER))"
      " WHERE job = $1 AND part = $2 AND start = (SELECT max(start) FROM pieces"
      " WHERE job = $1 AND part = $2) AND start + length(bytes) > $3",
      {job, piece.part, piece.start});
  if (piece.bytes.empty()) return;
  sql("INSERT INTO pieces (job, part, start, bytes) VALUES ($1, $2, $3, $4)",
      {job, piece.part, piece.start, Blob{piece.bytes}});
}

/// Writes and renews the lease; nothing where the claim is lost.
Standing put(Sql& sql, const Claim& claim, const Changes& changes, base::Duration lease) {
  const auto lines = static_cast<std::int64_t>(changes.lines.size());
  const auto changed =
      sql("UPDATE jobs SET lease = {now} + $3, since = {now}, revision = revision + $5,"
          " lines = coalesce($6, lines) + $4"
          " WHERE id = $1 AND fence = $2 AND state IN {taken} RETURNING state, lines, {now}",
          {claim.job, claim.fence, millis(lease), lines, std::int64_t{changes.empty() ? 0 : 1},
           lines == 0 ? Value() : value_of(changes.written)});
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
  if (!changes.parts.empty()) {
    sql("UPDATE jobs SET expected = coalesce($2, expected), fetched ="
        " (SELECT coalesce(sum(bytes), 0) FROM parts WHERE job = $1) WHERE id = $1",
        {claim.job, value_of(changes.expected)});
  }
  return standing;
}

}  // namespace

void Changes::put(const Part& part) {
  std::erase_if(parts, [&](const Part& each) { return each.number == part.number; });
  parts.push_back(part);
}

std::optional<Store::Taken> Store::take(const std::string& worker, base::Duration lease,
                                        std::uint64_t max_attempts) {
  return transact(database_, Access::write, [&](Sql& sql) -> std::optional<Taken> {
    const auto rows =
        sql("SELECT id FROM jobs WHERE state IN {active}"
            " AND (CASE WHEN state = 'queued' THEN due ELSE lease END <= {now} OR since > {now})"
            " ORDER BY due, id LIMIT 1{skip_taken}");
    if (rows.empty()) return std::nullopt;
    const auto id = rows.front().integer(0);
    const auto changed =
        sql("UPDATE jobs SET state = CASE WHEN state = 'cancelling' THEN state ELSE 'running' END,"
            " attempts = attempts + 1, max_attempts = $4,"
            " started = coalesce(started, {now}), fence = fence + 1, revision = revision + 1,"
            " worker = $2, lease = {now} + $3, since = {now} WHERE id = $1 RETURNING fence, {now}",
            {id, worker, millis(lease), static_cast<std::int64_t>(max_attempts)});
    const auto job = find_job(sql, id);
    return Taken{{id, changed.front().integer(0)},
                 job,
                 find_record(sql, job.record),
                 changed.front().integer(1)};
  });
}

std::optional<Millis> Store::next_due() {
  return transact(database_, Access::read, [&](Sql& sql) {
    const auto rows =
        sql("SELECT min(at) - {now} FROM (SELECT CASE WHEN since > {now} THEN {now}"
            " WHEN state = 'queued' THEN due ELSE lease END AS at FROM jobs WHERE state IN {active}"
            " UNION ALL SELECT next FROM records WHERE next IS NOT NULL) AS waiting");
    return rows.front().maybe_integer(0);
  });
}

std::vector<Part> Store::parts(Id job) {
  return transact(database_, Access::read, [&](Sql& sql) { return parts_of(sql, job); });
}

std::string Store::stored(Id job, std::int64_t part, std::int64_t start, std::int64_t max) {
  return transact(database_, Access::read, [&](Sql& sql) {
    const auto rows =
        sql("SELECT substr(bytes, CAST($3 - start + 1 AS INTEGER), CAST($4 AS INTEGER)) FROM pieces"
            " WHERE job = (SELECT coalesce(source, job) FROM parts WHERE job = $1 AND number = $2)"
            " AND part = (SELECT coalesce(source_part, number) FROM parts"
            " WHERE job = $1 AND number = $2) AND start <= $3 AND start + length(bytes) > $3"
            " ORDER BY start DESC LIMIT 1",
            {job, part, start, max});
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
    sql("UPDATE jobs SET state = $3, error = $4, due = {now} + $5, since = {now}, fence = fence + "
        "1,"
        " revision = revision + 1, lease = 0,"
        " ended = CASE WHEN $3 = 'queued' THEN NULL ELSE {now} END WHERE id = $1 AND fence = $2",
        {claim.job, claim.fence, std::string(name_of(to)), ending.error, millis(ending.delay)});
    if (to != JobState::done) return true;
    sql("UPDATE records SET synced = {now}, bytes = (SELECT fetched FROM jobs WHERE id = $1)"
        " WHERE id = (SELECT record FROM jobs WHERE id = $1)",
        {claim.job});
    return true;
  });
}

void Store::release(const Claim& claim) {
  transact(database_, Access::write, [&](Sql& sql) {
    return sql(
        "UPDATE jobs SET lease = 0, attempts = attempts - 1 WHERE id = $1 AND fence = $2 AND state "
        "IN {taken}",
        {claim.job, claim.fence});
  });
}

}  // namespace poetry::sync::store
