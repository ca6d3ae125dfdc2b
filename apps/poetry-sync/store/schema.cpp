#include "store/schema.hpp"

#include <boost/algorithm/string/finder.hpp>
#include <boost/algorithm/string/iter_find.hpp>

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace poetry::sync::store {
namespace {

std::int64_t version_of(Sql& sql) {
  sql("CREATE TABLE IF NOT EXISTS schema (version BIGINT NOT NULL)");
  const auto rows = sql("SELECT version FROM schema");
  if (!rows.empty()) return rows.front().integer(0);
  sql("INSERT INTO schema (version) VALUES (0)");
  return 0;
}

/// Takes one step, if one is left.
bool step_up(Sql& sql, std::span<const std::string_view> steps) {
  if (!sql.text_of("{alone}").empty()) sql("{alone}");
  const auto version = version_of(sql);
  const auto known = static_cast<std::int64_t>(steps.size());
  if (version > known) {
    throw DatabaseError(DatabaseError::Kind::lasting,
                        "database: its schema is version " + std::to_string(version) +
                            ", and this program knows " + std::to_string(known) +
                            ": use a newer poetry-sync");
  }
  if (version == known) return false;
  std::vector<std::string> statements;
  boost::iter_split(statements, sql.text_of(steps[static_cast<std::size_t>(version)]),
                    boost::first_finder("\n\n"));
  for (const auto& each : statements) sql(each);
  sql("UPDATE schema SET version = $1", {version + 1});
  return true;
}

}  // namespace

const std::int64_t schema_version = std::ssize(schema_steps);

void bring_up_to_date(Database& database) { bring_up_to_date(database, schema_steps); }

void bring_up_to_date(Database& database, std::span<const std::string_view> steps) {
  const auto step = [&](Sql& sql) { return step_up(sql, steps); };
  while (transact(database, Access::write, step)) continue;
}

}  // namespace poetry::sync::store
