#include "store/rows.hpp"

#include <algorithm>
#include <boost/algorithm/string/replace.hpp>

namespace poetry::sync::store {

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
  for (const auto* special : {"!", "%", "_"})
    boost::replace_all(text, special, std::string("!") + special);
  return "%" + text + "%";
}

JobState parse_state(const std::string& text) {
  const auto at = std::find(job_state_names.begin(), job_state_names.end(), text);
  if (at == job_state_names.end())
    throw DatabaseError(DatabaseError::Kind::lasting, "database: unknown state of a job: " + text);
  return static_cast<JobState>(at - job_state_names.begin());
}

void lock_record(Sql& sql, Id id) { sql("SELECT id FROM records WHERE id = $1 {lock}", {id}); }

void lock_record_of(Sql& sql, Id job) {
  sql("SELECT id FROM records WHERE id = (SELECT record FROM jobs WHERE id = $1) {lock}", {job});
}

std::vector<Part> parts_of(Sql& sql, Id job) {
  return all_of<Part>(
      sql("SELECT number, name, address, bytes, complete, expected, sha256,"
          " source, source_part FROM parts WHERE job = $1 ORDER BY number",
          {job}));
}

Job find_job(Sql& sql, Id id) {
  const auto found = all_of<Job>(sql("{jobs} WHERE j.id = $1", {id}));
  if (found.empty()) throw Refusal(Refusal::Kind::unknown, "no job " + std::to_string(id));
  return found.front();
}

SyncRecord find_record(Sql& sql, Id id) {
  const auto found = all_of<SyncRecord>(sql("{records} WHERE r.id = $1", {id}));
  if (found.empty()) throw Refusal(Refusal::Kind::unknown, "no record " + std::to_string(id));
  return found.front();
}

}  // namespace poetry::sync::store
