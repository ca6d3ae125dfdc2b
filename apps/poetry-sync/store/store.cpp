#include "store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/finder.hpp>
#include <boost/algorithm/string/iter_find.hpp>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "base/unknown_name.hpp"
#include "net/address.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace poetry::sync::store {
namespace {

/// Takes one step, if one is left.
bool step_up(Sql& sql, std::span<const std::string_view> steps) {
  if (!sql.text_of("{alone}").empty()) sql("{alone}");
  sql("CREATE TABLE IF NOT EXISTS schema (version BIGINT NOT NULL)");
  sql("INSERT INTO schema (version) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema)");
  const auto version = sql("SELECT version FROM schema").front().integer(0);
  const auto known = static_cast<std::int64_t>(steps.size());
  if (version > known) {
    throw DatabaseError(DatabaseError::Kind::lasting,
                        fmt::format("database: its schema is version {}, and this program knows {}:"
                                    " use a newer poetry-sync",
                                    version, known));
  }
  if (version == known) return false;
  std::vector<std::string> statements;
  boost::iter_split(statements, sql.text_of(steps[static_cast<std::size_t>(version)]),
                    boost::first_finder("\n\n"));
  for (const auto& each : statements) sql(each);
  sql("UPDATE schema SET version = $1", {version + 1});
  return true;
}

[[noreturn]] void refuse_second(const SyncRecord& record) {
  throw Refusal(Refusal::Kind::conflict,
                fmt::format("there is a {} of {} already", name_of(record.type), record.address));
}

/// Refuses a record that a worker is at, who is heard of and was not told to stop.
void refuse_running(Sql& sql, Id record) {
  for (const auto& job : sql(statement::lock_active_jobs, {record})) {
    if (job.integer(1) == 0) continue;
    throw Refusal(
        Refusal::Kind::conflict,
        fmt::format("record {} is being synced: cancel job {} first", record, job.integer(0)));
  }
}

void schedule(Sql& sql, Id record, Millis every) {
  sql("UPDATE records SET every = $2, next = NULL WHERE id = $1 AND every <> $2", {record, every});
  sql("UPDATE records SET next = {now} + {period} WHERE id = $1 AND every > 0 AND next IS NULL",
      {record});
}

/// Adds it as it is there then; not where there is one of its type and address.
bool insert(Sql& sql, SyncRecord& record) {
  const auto rows =
      sql(statement::add_record, {std::string(name_of(record.type)), record.address, record.name});
  if (rows.empty()) return false;
  schedule(sql, rows.front().integer(0), record.every);
  record = find_record(sql, rows.front().integer(0));
  return true;
}

}  // namespace

const std::int64_t schema_version = std::ssize(schema_steps);

void bring_up_to_date(Database& database, std::span<const std::string_view> steps) {
  const auto step = [&](Sql& sql) { return step_up(sql, steps); };
  while (transact(database, Access::write, step)) continue;
}

RecordType parse_record_type(std::string_view text) {
  const auto at = std::find(record_type_names.begin(), record_type_names.end(), text);
  if (at == record_type_names.end())
    throw base::unknown_name("type", {record_type_names.begin(), record_type_names.end()}, text);
  return static_cast<RecordType>(at - record_type_names.begin());
}

Id parse_id(std::string_view text) {
  return static_cast<Id>(base::parse_count(text, "id", 1, std::numeric_limits<Id>::max()));
}

Store::Store(Database& database) : database_(database) {
  bring_up_to_date(database_, schema_steps);
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
    sql(statement::cancel_jobs_of_record, {record});
    return sql(statement::remove_record, {record});
  });
}

std::vector<SyncRecord> Store::records() {
  return read_all<SyncRecord>(database_, "{records} ORDER BY r.id", {});
}

std::vector<SyncRecord> Store::records_after(Id id, const std::string& text,
                                             const std::string& state, std::int64_t max) {
  return read_all<SyncRecord>(database_, statement::records_after,
                              {id, pattern_of(text), state, max});
}

Store::News Store::news_since(std::optional<std::int64_t> horizon) {
  return transact(database_, Access::read, [&](Sql& sql) {
    News news{.horizon = sql("SELECT {horizon}").front().integer(0), .records = {}, .removed = {}};
    news.records = all_of<SyncRecord>(horizon ? sql(statement::records_changed, {*horizon})
                                              : sql("{records} ORDER BY r.id"));
    if (!horizon) return news;
    for (const auto& row : sql(statement::records_gone, {*horizon}))
      news.removed.push_back(row.integer(0));
    return news;
  });
}

SyncRecord Store::record(Id record) {
  return transact(database_, Access::read, [&](Sql& sql) { return find_record(sql, record); });
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
      sql(statement::begin_active_job_anew, {record.id});
      sql(statement::forget_active_parts, {record.id});
    }
    const auto changed = sql(statement::edit_record, {record.id, record.name, record.address,
                                                      std::string(name_of(record.type))});
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

std::function<std::string()> Store::read(const Text& text) {
  constexpr std::int64_t piece_bytes = 256 << 10;
  return [this, text, part = std::size_t{0}, start = std::int64_t{0}]() mutable -> std::string {
    for (; part < text.parts.size(); ++part, start = 0) {
      auto bytes = stored(text.job, text.parts[part].number, start, piece_bytes);
      start += std::ssize(bytes);
      if (!bytes.empty()) return bytes;
      if (start < text.parts[part].bytes)
        throw std::runtime_error("the text was replaced while it was read");
    }
    return {};
  };
}

void Store::try_to_write() {
  transact(database_, Access::write, [](Sql& sql) { return sql(statement::try_to_write); });
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

Millis parse_every(std::string_view text) {
  const auto every =
      std::chrono::duration_cast<std::chrono::milliseconds>(base::parse_duration(text)).count();
  if (every != 0 && every < 1000) throw base::UsageError("neither 0 nor 1s or more", text);
  return every;
}

SyncRecord new_record(RecordType type, const std::string& address, const std::string& name) {
  const auto shown = checked_name(name);
  const auto where = checked_address(address);
  return {.type = type, .address = where, .name = shown.empty() ? where : shown};
}

}  // namespace poetry::sync::store
