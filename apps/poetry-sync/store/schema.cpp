#include "store/schema.hpp"

#include <array>

#include "store/rows.hpp"

namespace poetry::sync::store {
namespace {

const std::array<SchemaStep, schema_version> our_steps{{
    {
        "CREATE TABLE records ("
        " id {id},"
        " type TEXT NOT NULL,"
        " address TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " created BIGINT NOT NULL,"
        " synced BIGINT,"
        " bytes BIGINT NOT NULL DEFAULT 0,"
        " UNIQUE (type, address))",
        "CREATE TABLE jobs ("
        " id {id},"
        " record BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,"
        " state TEXT NOT NULL,"
        " revision BIGINT NOT NULL DEFAULT 1,"
        " created BIGINT NOT NULL,"
        " started BIGINT,"
        " ended BIGINT,"
        " due BIGINT NOT NULL,"
        " lease BIGINT NOT NULL DEFAULT 0,"
        " fence BIGINT NOT NULL DEFAULT 0,"
        " worker TEXT NOT NULL DEFAULT '',"
        " attempts BIGINT NOT NULL DEFAULT 0,"
        " fetched BIGINT NOT NULL DEFAULT 0,"
        " expected BIGINT,"
        " lines BIGINT NOT NULL DEFAULT 0,"
        " error TEXT NOT NULL DEFAULT '')",
        // However many ask at once, a record has one job that is not over.
        R"(CREATE UNIQUE INDEX one_active_job ON jobs (record)
           WHERE state IN ('queued', 'running', 'cancelling'))",
        R"(CREATE INDEX active_jobs ON jobs (due, id)
           WHERE state IN ('queued', 'running', 'cancelling'))",
        "CREATE INDEX jobs_of_record ON jobs (record, id)",
        "CREATE TABLE log ("
        " job BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        " number BIGINT NOT NULL,"
        " at BIGINT NOT NULL,"
        " text TEXT NOT NULL,"
        " PRIMARY KEY (job, number))",
        "CREATE TABLE parts ("
        " job BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        " number BIGINT NOT NULL,"
        " name TEXT NOT NULL,"
        " address TEXT NOT NULL,"
        " bytes BIGINT NOT NULL,"
        " complete BIGINT NOT NULL,"
        " expected BIGINT,"
        " sha256 TEXT NOT NULL,"
        " PRIMARY KEY (job, number))",
        "CREATE TABLE pieces ("
        " job BIGINT NOT NULL,"
        " part BIGINT NOT NULL,"
        " start BIGINT NOT NULL,"
        " bytes {blob} NOT NULL,"
        " PRIMARY KEY (job, part, start),"
        " FOREIGN KEY (job, part) REFERENCES parts (job, number) ON DELETE CASCADE)",
    },
    // As of when a job's `due` or `lease` holds: one from a time to come was set by a clock that
    // has gone back since, and holds no more.
    {"ALTER TABLE jobs ADD COLUMN since BIGINT NOT NULL DEFAULT 0"},
    // What is removed is out of sight at once, and deleted in small steps; a part may have its
    // bytes in common with one of an earlier job.
    {"ALTER TABLE records ADD COLUMN removed BIGINT NOT NULL DEFAULT 0",
     "CREATE INDEX removed_records ON records (id) WHERE removed > 0",
     "ALTER TABLE jobs ADD COLUMN max_attempts BIGINT NOT NULL DEFAULT 0",
     "ALTER TABLE parts ADD COLUMN source BIGINT",
     "ALTER TABLE parts ADD COLUMN source_part BIGINT",
     "CREATE INDEX sources ON parts (source, source_part) WHERE source IS NOT NULL"},
    // The latest change of each record or of a job of it, also of a record that was removed since.
    {"CREATE TABLE changes (record BIGINT PRIMARY KEY, at BIGINT NOT NULL)",
     "CREATE INDEX changes_at ON changes (at)", "triggers"},
    // Records that are synced by themselves, and when they are next.
    {"ALTER TABLE records ADD COLUMN every BIGINT NOT NULL DEFAULT 0",
     "ALTER TABLE records ADD COLUMN next BIGINT",
     "CREATE INDEX scheduled ON records (next, every) WHERE next IS NOT NULL"},
}};

std::int64_t version_of(Sql& sql) {
  sql("CREATE TABLE IF NOT EXISTS schema (version BIGINT NOT NULL)");
  const auto rows = sql("SELECT version FROM schema");
  if (!rows.empty()) return rows.front().integer(0);
  sql("INSERT INTO schema (version) VALUES (0)");
  return 0;
}

/// Takes one step, if one is left.
bool step_up(Sql& sql, std::span<const SchemaStep> steps) {
  if (!sql.dialect.alone.empty()) sql(sql.dialect.alone);
  const auto version = version_of(sql);
  const auto known = static_cast<std::int64_t>(steps.size());
  if (version > known) {
    throw DatabaseError(DatabaseError::Kind::lasting,
                        "database: its schema is version " + std::to_string(version) +
                            ", and this program knows " + std::to_string(known) +
                            ": use a newer poetry-sync");
  }
  if (version == known) return false;
  for (const auto& each : steps[static_cast<std::size_t>(version)]) {
    for (const auto& one : each == "triggers" ? sql.dialect.triggers : SchemaStep{each}) sql(one);
  }
  sql("UPDATE schema SET version = $1", {version + 1});
  return true;
}

}  // namespace

void bring_up_to_date(Database& database) { bring_up_to_date(database, our_steps); }

void bring_up_to_date(Database& database, std::span<const SchemaStep> steps) {
  const auto step = [&](Sql& sql) { return step_up(sql, steps); };
  while (transact(database, Access::write, step)) continue;
}

}  // namespace poetry::sync::store
