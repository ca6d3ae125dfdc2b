#include "store/rows.hpp"

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>

namespace poetry::sync::store {
namespace {

constexpr std::size_t record_columns = 9;

}  // namespace

Rows Sql::operator()(std::string_view statement, std::initializer_list<Value> values) {
  return transaction(text_of(statement), values);
}

std::string Sql::text_of(std::string_view statement) const {
  std::string text(statement);
  for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at)) {
    const auto end = text.find('}', at);
    text.replace(at, end + 1 - at, dialect.at(text.substr(at + 1, end - at - 1)));
  }
  return text;
}

std::string pattern_of(std::string text) {
  for (const auto* special : {"!", "%", "_"}) {
    boost::replace_all(text, special, std::string("!") + special);
  }
  return "%" + text + "%";
}

JobState parse_state(const std::string& text) {
  const auto at = std::find(job_state_names.begin(), job_state_names.end(), text);
  if (at == job_state_names.end()) {
    throw DatabaseError(DatabaseError::Kind::lasting, "database: unknown state of a job: " + text);
  }
  return static_cast<JobState>(at - job_state_names.begin());
}

Job job_of(const Row& row, std::size_t first) {
  return {.id = row.integer(first),
          .record = row.integer(first + 1),
          .state = parse_state(row.text(first + 2)),
          .revision = row.integer(first + 3),
          .created = row.integer(first + 4),
          .started = row.maybe_integer(first + 5),
          .ended = row.maybe_integer(first + 6),
          .due = row.integer(first + 7),
          .attempts = row.integer(first + 8),
          .max_attempts = row.integer(first + 14),
          .fetched = row.integer(first + 9),
          .expected = row.maybe_integer(first + 10),
          .lines = row.integer(first + 11),
          .worker = row.text(first + 12),
          .error = row.text(first + 13)};
}

SyncRecord record_of(const Row& row) {
  return {.id = row.integer(0),
          .type = parse_record_type(row.text(1)),
          .address = row.text(2),
          .name = row.text(3),
          .created = row.integer(4),
          .synced = row.maybe_integer(5),
          .bytes = row.integer(6),
          .every = row.integer(7),
          .next = row.maybe_integer(8),
          .job = row.maybe_integer(record_columns) ? std::optional(job_of(row, record_columns))
                                                   : std::nullopt};
}

void lock_record(Sql& sql, Id id) { sql("SELECT id FROM records WHERE id = $1 {lock}", {id}); }

void lock_record_of(Sql& sql, Id job) {
  sql("SELECT id FROM records WHERE id = (SELECT record FROM jobs WHERE id = $1) {lock}", {job});
}

std::vector<Part> parts_of(Sql& sql, Id job) {
  std::vector<Part> found;
  for (const auto& row : sql("SELECT number, name, address, bytes, complete, expected, sha256,"
                             " source, source_part FROM parts WHERE job = $1 ORDER BY number",
                             {job})) {
    found.push_back({row.integer(0), row.text(1), row.text(2), row.integer(3), row.integer(4) != 0,
                     row.maybe_integer(5), row.text(6)});
    if (const auto source = row.maybe_integer(7)) found.back().source = {*source, row.integer(8)};
  }
  return found;
}

Job find_job(Sql& sql, Id id) {
  const auto rows = sql("{jobs} WHERE j.id = $1", {id});
  if (rows.empty()) throw Refusal(Refusal::Kind::unknown, "no job " + std::to_string(id));
  return job_of(rows.front());
}

SyncRecord find_record(Sql& sql, Id id) {
  const auto rows = sql("{records} WHERE r.id = $1", {id});
  if (rows.empty()) throw Refusal(Refusal::Kind::unknown, "no record " + std::to_string(id));
  return record_of(rows.front());
}

}  // namespace poetry::sync::store
