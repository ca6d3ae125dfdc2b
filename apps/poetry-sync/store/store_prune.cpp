// The store's part for what is not kept: it is deleted in small steps, so that nobody waits for it.
#include "store/rows.hpp"
#include "store/store.hpp"

namespace poetry::sync::store {
namespace {

constexpr std::int64_t pieces_at_once = 8;  // of some MiB
constexpr std::int64_t parts_at_once = 100;
constexpr std::int64_t lines_at_once = 1000;
constexpr std::int64_t day_ms = 86'400'000;

/// Some of the text of jobs that are over, whose bytes are no later part's; of one that is removed,
/// or of those before the last two that were done and before the latest.
bool prune_texts(Sql& sql, Id record, bool removed) {
  const auto parts =
      sql("SELECT p.job, p.number FROM parts p JOIN jobs j ON j.id = p.job"
          " WHERE j.record = $1 AND j.state NOT IN {active} AND ($2 = 1"
          " OR (j.id < (SELECT max(id) FROM jobs WHERE record = $1) AND j.id NOT IN"
          " (SELECT id FROM jobs WHERE record = $1 AND state = 'done' ORDER BY id DESC LIMIT 2)))"
          " AND NOT EXISTS"
          " (SELECT 1 FROM parts q WHERE q.source = p.job AND q.source_part = p.number) LIMIT $3",
          {record, std::int64_t{removed ? 1 : 0}, parts_at_once});
  auto left = pieces_at_once;
  for (const auto& part : parts) {
    const auto job = part.integer(0);
    const auto number = part.integer(1);
    const auto deleted =
        sql("DELETE FROM pieces WHERE job = $1 AND part = $2 AND start IN (SELECT"
            " start FROM pieces WHERE job = $1 AND part = $2 LIMIT $3)"
            " RETURNING start",
            {job, number, left});
    left -= std::ssize(deleted);
    if (left <= 0) break;
    sql("DELETE FROM parts WHERE job = $1 AND number = $2", {job, number});
  }
  return !parts.empty();
}

/// Some of the log of the oldest job that is not kept, or that job.
bool prune_jobs(Sql& sql, Id record, bool removed, const Keep& keep) {
  const auto since = static_cast<std::int64_t>(keep.days) * day_ms;
  const auto jobs =
      sql("SELECT id FROM jobs WHERE record = $1 AND state NOT IN {active}"
          " AND NOT EXISTS (SELECT 1 FROM parts WHERE job = jobs.id) AND ($2 = 1"
          " OR (id < (SELECT max(id) FROM jobs WHERE record = $1) AND"
          " ((CAST($3 AS BIGINT) > 0 AND ended < {now} - CAST($3 AS BIGINT)) OR id NOT IN"
          " (SELECT id FROM jobs WHERE record = $1 AND state NOT IN {active}"
          " ORDER BY id DESC LIMIT $4)))) ORDER BY id LIMIT 1",
          {record, std::int64_t{removed ? 1 : 0}, since, static_cast<std::int64_t>(keep.jobs)});
  if (jobs.empty()) return false;
  const auto job = jobs.front().integer(0);
  const auto deleted =
      sql("DELETE FROM log WHERE job = $1 AND number IN"
          " (SELECT number FROM log WHERE job = $1 ORDER BY number LIMIT $2)"
          " RETURNING number",
          {job, lines_at_once});
  if (std::ssize(deleted) < lines_at_once) sql("DELETE FROM jobs WHERE id = $1", {job});
  return true;
}

}  // namespace

bool Store::prune(Id record, const Keep& keep) {
  return transact(database_, Access::write, [&](Sql& sql) {
    const auto found = sql("SELECT removed FROM records WHERE id = $1", {record});
    if (found.empty()) return false;
    const bool removed = found.front().integer(0) > 0;
    const bool pruned = prune_texts(sql, record, removed) || prune_jobs(sql, record, removed, keep);
    if (!pruned && removed) sql("DELETE FROM records WHERE id = $1", {record});
    if (pruned && !sql.dialect.reclaim.empty()) sql(sql.dialect.reclaim);
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
