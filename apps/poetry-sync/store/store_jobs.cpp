// The store's part for those who ask for jobs, and look at them.
#include <boost/json/array.hpp>
#include <set>

#include "base/json.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"
#include "store/store.hpp"

namespace poetry::sync::store {
namespace {

std::vector<Store::Requested> request_in(Sql& sql, std::optional<std::span<const Id>> records) {
  const auto ids = records.value_or(std::span<const Id>());
  const auto list = base::json_text(boost::json::array(ids.begin(), ids.end()));
  // PostgreSQL must know the type of a value also where nothing depends on it.
  const std::string chosen =
      records ? " IN (SELECT CAST(value AS BIGINT) FROM {ids})" : " > 0 AND $1 = '[]'";
  std::set<Id> unknown(ids.begin(), ids.end());
  for (const auto& row :
       sql("SELECT id FROM records WHERE removed = 0 AND id" + chosen + " ORDER BY id {lock}",
           {list})) {
    unknown.erase(row.integer(0));
  }
  if (!unknown.empty()) find_record(sql, *unknown.begin());  // refuses it
  std::set<Id> made;
  for (const auto& row :
       sql("INSERT INTO jobs (record, state, created, due, since)"
           " SELECT id, 'queued', {now}, {now}, {now} FROM records WHERE removed = 0 AND id" +
               chosen +
               " ORDER BY id ON CONFLICT (record) WHERE state IN {active} DO NOTHING RETURNING id",
           {list})) {
    made.insert(row.integer(0));
  }
  std::vector<Store::Requested> requested;
  const auto active =
      "{jobs} WHERE j.state IN {active} AND j.record" + chosen + " ORDER BY j.record";
  for (const auto& job : all_of<Job>(sql(active, {list}))) {
    requested.push_back({job, made.contains(job.id)});
  }
  return requested;
}

}  // namespace

Store::Requested Store::request(Id record) { return request_all(std::array{record}).at(0); }

std::vector<Store::Requested> Store::request_all(std::optional<std::span<const Id>> records) {
  return transact(database_, Access::write, [&](Sql& sql) { return request_in(sql, records); });
}

Store::Requested Store::request(RecordType type, Id record) {
  if (this->record(record).type != type) {
    throw Refusal(Refusal::Kind::unknown,
                  "no " + std::string(name_of(type)) + " " + std::to_string(record));
  }
  return request(record);
}

Job Store::job(Id id) {
  return transact(database_, Access::read, [&](Sql& sql) { return find_job(sql, id); });
}

std::vector<Job> Store::jobs_before(Id id, std::int64_t max) {
  return read_all<Job>(database_, "{jobs} WHERE j.id < $1 ORDER BY j.id DESC LIMIT $2",
                       {id == 0 ? INT64_MAX : id, max});
}

std::vector<Job> Store::jobs_of(Id record, std::int64_t max) {
  return read_all<Job>(database_, "{jobs} WHERE j.record = $1 ORDER BY j.id DESC LIMIT $2",
                       {record, max});
}

std::vector<Job> Store::active_jobs() {
  return read_all<Job>(database_, "{jobs} WHERE j.state IN {active} ORDER BY j.id", {});
}

Job Store::cancel(Id id) {
  return transact(database_, Access::write, [&](Sql& sql) {
    lock_record_of(sql, id);
    sql(statement::cancel_idle_job, {id});
    sql(statement::cancel_running_job, {id});
    auto job = find_job(sql, id);
    if (job.state == JobState::done || job.state == JobState::failed)
      throw Refusal(Refusal::Kind::conflict, "job " + std::to_string(id) + " is over");
    return job;
  });
}

Store::Requested Store::retry(Id id) {
  const auto over = job(id);
  if (over.state == JobState::done)
    throw Refusal(Refusal::Kind::conflict, "job " + std::to_string(id) + " is done");
  return request(over.record);
}

std::array<std::int64_t, job_state_names.size()> Store::count_jobs() {
  return transact(database_, Access::read, [](Sql& sql) {
    std::array<std::int64_t, job_state_names.size()> counts{};
    for (const auto& row : sql("SELECT state, count(*) FROM jobs GROUP BY state"))
      counts.at(static_cast<std::size_t>(parse_state(row.text(0)))) = row.integer(1);
    return counts;
  });
}

std::vector<LogLine> Store::log_after(Id job, std::int64_t number, std::int64_t max,
                                      const std::string& text) {
  return transact(database_, Access::read, [&](Sql& sql) {
    find_job(sql, job);
    return all_of<LogLine>(sql(statement::log_after, {job, number, max, pattern_of(text)}));
  });
}

void Store::request_due() {
  const std::string due(statement::records_due);
  // Looked at first, since a write would have others wait.
  if (transact(database_, Access::read, [&](Sql& sql) { return sql(due).empty(); })) return;
  transact(database_, Access::write, [&](Sql& sql) {
    const auto rows = sql(due + " {lock}");
    std::vector<Id> ids;
    for (const auto& row : rows) ids.push_back(row.integer(0));
    request_in(sql, ids);
    for (const auto id : ids) sql(statement::set_next, {id});
    return rows.size();
  });
}

}  // namespace poetry::sync::store
