#include "simulation/store_checks.hpp"

#include <utility>

namespace poetry::sync::simulation {
namespace {

std::optional<std::int64_t> maybe(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return column.getInt64();
}

/// Reset behind its use, so that it keeps no lock.
struct Using {
  explicit Using(SQLite::Statement& each) : statement(each) {}
  Using(const Using&) = delete;
  Using& operator=(const Using&) = delete;
  ~Using() { statement.tryReset(); }
  SQLite::Statement& statement;
};

}  // namespace

Reader::Reader(const std::string& path)
    : database_(path, SQLite::OPEN_READONLY),
      version_(database_, "PRAGMA data_version"),
      jobs_(
          database_,
          "SELECT id, record, state, revision, fence, lease, due, attempts, fetched, lines, ended,"
          " error FROM jobs"),
      records_(database_, "SELECT id, address, name, synced, bytes, removed, next FROM records"),
      changes_(database_, "SELECT record, at FROM changes"),
      parts_(database_,
             "SELECT number, name, address, bytes, complete, sha256, source, source_part FROM parts"
             " WHERE job = ? ORDER BY number"),
      pieces_(database_,
              "SELECT start, bytes FROM pieces WHERE job = ? AND part = ? ORDER BY start"),
      log_(database_, "SELECT number, text FROM log WHERE job = ? ORDER BY number"),
      last_done_(database_, "SELECT max(id) FROM jobs WHERE record = ? AND state = 'done'") {}

bool Reader::has_news() {
  const Using each(version_);
  version_.executeStep();
  const auto version = version_.getColumn(0).getInt64();
  return std::exchange(seen_, version) != version;
}

std::map<store::Id, JobRow> Reader::jobs() {
  const Using each(jobs_);
  std::map<store::Id, JobRow> found;
  while (jobs_.executeStep()) {
    const auto number = [&](int column) { return jobs_.getColumn(column).getInt64(); };
    found[number(0)] = {.record = number(1),
                        .state = jobs_.getColumn(2).getString(),
                        .revision = number(3),
                        .fence = number(4),
                        .lease = number(5),
                        .due = number(6),
                        .attempts = number(7),
                        .fetched = number(8),
                        .lines = number(9),
                        .ended = maybe(jobs_.getColumn(10)),
                        .error = jobs_.getColumn(11).getString()};
  }
  return found;
}

std::map<store::Id, RecordRow> Reader::records() {
  const Using each(records_);
  std::map<store::Id, RecordRow> found;
  while (records_.executeStep()) {
    found[records_.getColumn(0).getInt64()] = {.address = records_.getColumn(1).getString(),
                                               .name = records_.getColumn(2).getString(),
                                               .synced = maybe(records_.getColumn(3)),
                                               .bytes = records_.getColumn(4).getInt64(),
                                               .removed = records_.getColumn(5).getInt64() > 0,
                                               .next = maybe(records_.getColumn(6))};
  }
  return found;
}

std::map<store::Id, std::int64_t> Reader::changes() {
  const Using each(changes_);
  std::map<store::Id, std::int64_t> found;
  while (changes_.executeStep())
    found[changes_.getColumn(0).getInt64()] = changes_.getColumn(1).getInt64();
  return found;
}

std::vector<Reader::PartRow> Reader::parts(store::Id job) {
  const Using each(parts_);
  parts_.bind(1, job);
  std::vector<PartRow> found;
  while (parts_.executeStep()) {
    PartRow row{.part = {.number = parts_.getColumn(0).getInt64(),
                         .name = parts_.getColumn(1).getString(),
                         .address = parts_.getColumn(2).getString(),
                         .bytes = parts_.getColumn(3).getInt64(),
                         .complete = parts_.getColumn(4).getInt64() != 0,
                         .sha256 = parts_.getColumn(5).getString()},
                .text = {}};
    if (const auto source = maybe(parts_.getColumn(6)))
      row.part.source = {*source, parts_.getColumn(7).getInt64()};
    const Using bytes(pieces_);
    pieces_.bind(1, row.part.source ? row.part.source->job : job);
    pieces_.bind(2, row.part.source ? row.part.source->part : row.part.number);
    while (pieces_.executeStep()) {
      if (pieces_.getColumn(0).getInt64() != std::ssize(row.text)) row.is_whole = false;
      row.text += pieces_.getColumn(1).getString();
    }
    if (std::ssize(row.text) != row.part.bytes) row.is_whole = false;
    found.push_back(std::move(row));
  }
  return found;
}

std::optional<std::vector<std::string>> Reader::log(store::Id job) {
  const Using each(log_);
  log_.bind(1, job);
  std::vector<std::string> texts;
  while (log_.executeStep()) {
    texts.push_back(log_.getColumn(1).getString());
    if (log_.getColumn(0).getInt64() != std::ssize(texts)) return std::nullopt;
  }
  return texts;
}

store::Id Reader::last_done(store::Id record) {
  const Using each(last_done_);
  last_done_.bind(1, record);
  last_done_.executeStep();
  return maybe(last_done_.getColumn(0)).value_or(0);
}

}  // namespace poetry::sync::simulation
