// The store's part for what is not kept: it is deleted in small steps, so that nobody waits for it.
#include "store/rows.hpp"
#include "store/sql.hpp"
#include "store/store.hpp"

namespace poetry::sync::store {
namespace {

constexpr std::int64_t pieces_at_once = 8;  // of some MiB
constexpr std::int64_t parts_at_once = 100;
constexpr std::int64_t lines_at_once = 1000;
constexpr std::int64_t day_ms = 86'400'000;

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
