#include "store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>
#include <limits>
#include <set>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "base/unknown_name.hpp"
#include "net/address.hpp"
#include "store/rows.hpp"
#include "store/schema.hpp"

namespace poetry::sync::store {
namespace {

/// A pattern of LIKE ... ESCAPE '!' for what has the text in it.
std::string pattern_of(std::string text) {
  for (const auto* special : {"!", "%", "_"}) {
    boost::replace_all(text, special, std::string("!") + special);
  }
  return "%" + text + "%";
}

/// What a statement finds, as `make` has its rows.
template <typename Make>
auto read_all(Database& database, const std::string& statement, std::initializer_list<Value> values,
              const Make& make) {
  return transact(database, Access::read, [&](Sql& sql) {
    std::vector<std::invoke_result_t<const Make&, const Row&>> found;
    for (const auto& row : sql(statement, values)) found.push_back(make(row));
    return found;
  });
}

std::string json_array(std::span<const Id> ids) {
  std::string text = "[";
  for (const auto id : ids) text.append(text.size() > 1 ? "," : "").append(std::to_string(id));
  return text + "]";
}

[[noreturn]] void refuse_second(const SyncRecord& record) {
  throw Refusal(Refusal::Kind::conflict, "there is a " + std::string(name_of(record.type)) +
                                             " of " + record.address + " already");
}

/// Refuses a record that a worker is at, who is heard of and was not told to stop.
void refuse_running(Sql& sql, Id record) {
  // Locked, a job that waits is not taken before the transaction's end.
  for (const auto& job : sql("SELECT id, CASE WHEN state = 'running' AND lease > {now}"
                             " AND since <= {now} THEN 1 ELSE 0 END FROM jobs"
                             " WHERE record = $1 AND state IN {active}{lock}",
                             {record})) {
    if (job.integer(1) == 0) continue;
    throw Refusal(Refusal::Kind::conflict, "record " + std::to_string(record) +
                                               " is being synced: cancel job " +
                                               std::to_string(job.integer(0)) + " first");
  }
}

/// Until a record's next time, in ms: longer by a part of up to a tenth, which its id decides, so
/// that those that were added together do not all begin together for ever.
const std::string period = "(every + every / 1000 * (id % 100 * 61 % 100))";

void schedule(Sql& sql, Id record, Millis every) {
  sql("UPDATE records SET every = $2, next = NULL WHERE id = $1 AND every <> $2", {record, every});
  sql("UPDATE records SET next = {now} + " + period +
          " WHERE id = $1 AND every > 0 AND next IS NULL",
      {record});
}

/// Adds it as it is there then; not where there is one of its type and address.
bool insert(Sql& sql, SyncRecord& record) {
  const auto rows =
      sql("INSERT INTO records (type, address, name, created) VALUES ($1, $2, $3, {now})"
          " ON CONFLICT (type, address) DO NOTHING RETURNING id",
          {std::string(name_of(record.type)), record.address, record.name});
  if (rows.empty()) return false;
  schedule(sql, rows.front().integer(0), record.every);
  record = find_record(sql, rows.front().integer(0));
  return true;
}

Store::Requested request_one(Sql& sql, Id record) {
  lock_record(sql, record);
  find_record(sql, record);
  const auto made =
      sql("INSERT INTO jobs (record, state, created, due, since)"
          " VALUES ($1, 'queued', {now}, {now}, {now})"
          " ON CONFLICT (record) WHERE state IN {active} DO NOTHING RETURNING id",
          {record});
  const auto rows =
      made.empty() ? sql("SELECT id FROM jobs WHERE record = $1 AND state IN {active}", {record})
                   : made;
  return {.job = find_job(sql, rows.at(0).integer(0)), .is_new = !made.empty()};
}

}  // namespace

RecordType parse_record_type(std::string_view text) {
  const auto at = std::find(record_type_names.begin(), record_type_names.end(), text);
  if (at == record_type_names.end()) {
    throw base::unknown_name("type", {record_type_names.begin(), record_type_names.end()}, text);
  }
  return static_cast<RecordType>(at - record_type_names.begin());
}

Id parse_id(std::string_view text) {
  return static_cast<Id>(base::parse_count(text, "id", 1, std::numeric_limits<Id>::max()));
}

Store::Store(Database& database) : database_(database) { bring_up_to_date(database_); }

SyncRecord Store::add(RecordType type, const std::string& address, const std::string& name) {
  return add({.type = type, .address = address, .name = name});
}

SyncRecord Store::add(const SyncRecord& record) {
  return transact(database_, Access::write, [&](Sql& sql) {
    auto added = record;
    if (!insert(sql, added)) refuse_second(record);
    return added;
  });
}

void Store::remove(Id record) {
  transact(database_, Access::write, [&](Sql& sql) {
    lock_record(sql, record);
    find_record(sql, record);
    refuse_running(sql, record);
    sql("UPDATE jobs SET state = 'cancelled', ended = {now}, fence = fence + 1,"
        " revision = revision + 1 WHERE record = $1 AND state IN {active}",
        {record});
    // Its address may be added anew.
    return sql(
        "UPDATE records SET removed = {now}, next = NULL,"
        " address = 'removed ' || id || ' ' || address"
        " WHERE id = $1",
        {record});
  });
}

std::vector<SyncRecord> Store::records() {
  return read_all(database_, select_records + " ORDER BY r.id", {}, record_of);
}

std::vector<SyncRecord> Store::records_after(Id id, const std::string& text,
                                             const std::string& state, std::int64_t max) {
  return read_all(database_,
                  select_records +
                      " WHERE r.id > $1 AND ($3 = '' OR coalesce(j.state, 'new') = $3)"
                      " AND (lower(r.name) LIKE lower($2) ESCAPE '!'"
                      " OR lower(r.address) LIKE lower($2) ESCAPE '!')"
                      " ORDER BY r.id LIMIT $4",
                  {id, pattern_of(text), state, max}, record_of);
}

Store::News Store::news_since(std::optional<std::int64_t> horizon) {
  return transact(database_, Access::read, [&](Sql& sql) {
    News news{.horizon = sql("SELECT {horizon}").front().integer(0), .records = {}, .removed = {}};
    const std::string changed =
        " WHERE r.id IN (SELECT record FROM changes WHERE {changed}) ORDER BY r.id";
    for (const auto& row : horizon ? sql(select_records + changed, {*horizon})
                                   : sql(select_records + " ORDER BY r.id")) {
      news.records.push_back(record_of(row));
    }
    if (!horizon) return news;
    for (const auto& row : sql("SELECT record FROM changes WHERE {changed} AND NOT EXISTS"
                               " (SELECT 1 FROM records WHERE id = record AND removed = 0)",
                               {*horizon})) {
      news.removed.push_back(row.integer(0));
    }
    return news;
  });
}

SyncRecord Store::record(Id record) {
  return transact(database_, Access::read, [&](Sql& sql) { return find_record(sql, record); });
}

Store::Requested Store::request(Id record) {
  return transact(database_, Access::write, [&](Sql& sql) { return request_one(sql, record); });
}

std::vector<Store::Asked> Store::request_all(std::optional<std::span<const Id>> records) {
  const auto list = json_array(records.value_or(std::span<const Id>()));
  // PostgreSQL must know the type of a value also where nothing depends on it.
  const std::string chosen =
      records ? " IN (SELECT CAST(value AS BIGINT) FROM {ids})" : " > 0 AND $1 = '[]'";
  return transact(database_, Access::write, [&](Sql& sql) {
    std::set<Id> unknown;
    if (records) unknown.insert(records->begin(), records->end());
    for (const auto& row :
         sql("SELECT id FROM records WHERE removed = 0 AND id" + chosen + " ORDER BY id{lock}",
             {list})) {
      unknown.erase(row.integer(0));
    }
    if (!unknown.empty()) find_record(sql, *unknown.begin());  // refuses it
    std::set<Id> made;
    for (const auto& row :
         sql("INSERT INTO jobs (record, state, created, due, since)"
             " SELECT id, 'queued', {now}, {now}, {now} FROM records WHERE removed = 0 AND id" +
                 chosen +
                 " ORDER BY id ON CONFLICT (record) WHERE state IN {active} DO NOTHING"
                 " RETURNING id",
             {list})) {
      made.insert(row.integer(0));
    }
    std::vector<Asked> asked;
    for (const auto& row : sql("SELECT record, id FROM jobs WHERE state IN {active} AND record" +
                                   chosen + " ORDER BY record",
                               {list})) {
      asked.push_back({row.integer(0), row.integer(1), made.contains(row.integer(1))});
    }
    return asked;
  });
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
  return jobs_where(" WHERE j.id < $1 ORDER BY j.id DESC LIMIT $2",
                    {id == 0 ? INT64_MAX : id, max});
}

std::vector<Job> Store::jobs_of(Id record, std::int64_t max) {
  return jobs_where(" WHERE j.record = $1 ORDER BY j.id DESC LIMIT $2", {record, max});
}

std::vector<Job> Store::active_jobs() {
  return jobs_where(" WHERE j.state IN {active} ORDER BY j.id", {});
}

std::vector<Job> Store::jobs_where(const std::string& condition,
                                   std::initializer_list<Value> values) {
  return read_all(database_, select_jobs + condition, values,
                  [](const Row& row) { return job_of(row); });
}

Job Store::cancel(Id id) {
  return transact(database_, Access::write, [&](Sql& sql) {
    lock_record_of(sql, id);
    // What nobody works on ends at once; who works on it sees it with the next write.
    sql("UPDATE jobs SET revision = revision + 1, ended = {now}, state = 'cancelled',"
        " fence = fence + 1 WHERE id = $1 AND state IN {active}"
        " AND (state = 'queued' OR lease <= {now} OR since > {now})",
        {id});
    sql("UPDATE jobs SET revision = revision + 1, state = 'cancelling'"
        " WHERE id = $1 AND state = 'running'",
        {id});
    auto job = find_job(sql, id);
    if (job.state == JobState::done || job.state == JobState::failed) {
      throw Refusal(Refusal::Kind::conflict, "job " + std::to_string(id) + " is over");
    }
    return job;
  });
}

Store::Requested Store::retry(Id id) {
  const auto over = job(id);
  if (over.state == JobState::done) {
    throw Refusal(Refusal::Kind::conflict, "job " + std::to_string(id) + " is done");
  }
  return request(over.record);
}

std::array<std::int64_t, job_state_names.size()> Store::count_jobs() {
  return transact(database_, Access::read, [](Sql& sql) {
    std::array<std::int64_t, job_state_names.size()> counts{};
    for (const auto& row : sql("SELECT state, count(*) FROM jobs GROUP BY state")) {
      counts.at(static_cast<std::size_t>(parse_state(row.text(0)))) = row.integer(1);
    }
    return counts;
  });
}

std::vector<LogLine> Store::log_after(Id job, std::int64_t number, std::int64_t max,
                                      const std::string& text) {
  return transact(database_, Access::read, [&](Sql& sql) {
    find_job(sql, job);
    std::vector<LogLine> lines;
    for (const auto& row :
         sql("SELECT number, at, text FROM log WHERE job = $1 AND number > $2"
             " AND lower(text) LIKE lower($4) ESCAPE '!' ORDER BY number LIMIT $3",
             {job, number, max, pattern_of(text)})) {
      lines.push_back({row.integer(0), row.integer(1), row.text(2)});
    }
    return lines;
  });
}

std::vector<SyncRecord> Store::add_all(std::vector<SyncRecord> records) {
  return transact(database_, Access::write, [&](Sql& sql) {
    auto added = records;
    for (auto& each : added) insert(sql, each);
    return added;
  });
}

SyncRecord Store::edit(const SyncRecord& record) {
  return transact(database_, Access::write, [&](Sql& sql) {
    lock_record(sql, record.id);
    if (find_record(sql, record.id).address != record.address) {
      refuse_running(sql, record.id);
      // A job that waits for its next attempt begins anew, at the other address.
      sql("DELETE FROM parts WHERE job IN (SELECT id FROM jobs WHERE record = $1"
          " AND state IN {active})",
          {record.id});
    }
    const auto changed =
        sql("UPDATE records SET name = $2, address = $3 WHERE id = $1 AND NOT EXISTS (SELECT 1"
            " FROM records WHERE id <> $1 AND type = $4 AND address = $3) RETURNING id",
            {record.id, record.name, record.address, std::string(name_of(record.type))});
    if (changed.empty()) refuse_second(record);
    schedule(sql, record.id, record.every);
    return find_record(sql, record.id);
  });
}

Store::Text Store::text(Id record) {
  return transact(database_, Access::read, [&](Sql& sql) {
    find_record(sql, record);
    const auto rows =
        sql("SELECT max(id) FROM jobs WHERE record = $1 AND state = 'done'", {record});
    const auto job = rows.front().maybe_integer(0).value_or(0);
    return Text{job, parts_of(sql, job)};
  });
}

void Store::request_due() {
  // A time further away than any period was set by a clock that has gone back since.
  const std::string due =
      "SELECT id FROM records WHERE next IS NOT NULL AND (next <= {now} OR next > {now} + every * "
      "2)"
      " ORDER BY id LIMIT 100";
  const std::string set_next = fmt::format(
      "UPDATE records SET next = {0} + CASE WHEN next > {{now}} - {0}"
      " AND next <= {{now}} THEN next ELSE {{now}} END WHERE id = $1",
      period);
  // Looked at first, since a write would have others wait.
  if (transact(database_, Access::read, [&](Sql& sql) { return sql(due).empty(); })) return;
  transact(database_, Access::write, [&](Sql& sql) {
    const auto rows = sql(due + "{lock}");
    for (const auto& row : rows) {
      request_one(sql, row.integer(0));
      sql(set_next, {row.integer(0)});
    }
    return rows.size();
  });
}

void Store::try_to_write() {
  transact(database_, Access::write, [](Sql& sql) {  // SQLite does not write what is there already
    return sql(
        "INSERT INTO changes (record, at) VALUES (0, {horizon} + 1)"
        " ON CONFLICT (record) DO UPDATE SET at = excluded.at");
  });
}

std::string checked_address(const std::string& address) {
  auto where = net::to_string(net::parse_host_port(address));
  if (base::shown_utf8(where) == where) return where;
  throw base::UsageError("not an address [HOST:]PORT", address);
}

std::string checked_name(const std::string& name) {
  constexpr std::size_t longest_name = 200;
  if (name.size() > longest_name) throw base::UsageError("name longer than 200 bytes", name);
  return base::shown_utf8(name);
}

SyncRecord new_record(RecordType type, const std::string& address, const std::string& name) {
  const auto shown = checked_name(name);
  const auto where = checked_address(address);
  return {.type = type, .address = where, .name = shown.empty() ? where : shown};
}

SyncRecord add_record(Store& store, RecordType type, const std::string& address,
                      const std::string& name) {
  return store.add(new_record(type, address, name));
}

}  // namespace poetry::sync::store
