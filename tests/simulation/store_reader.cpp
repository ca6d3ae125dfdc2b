#include "simulation/store_checks.hpp"

namespace poetry::sync::simulation {

std::map<store::Id, JobRow> Reader::jobs() {
  std::map<store::Id, JobRow> found;
  for (const auto& row : sql_("SELECT id, record, state, revision, fence, lease, due, attempts,"
                              " fetched, lines, ended, error FROM jobs")) {
    found[row.integer(0)] = {.record = row.integer(1),
                             .state = row.text(2),
                             .revision = row.integer(3),
                             .fence = row.integer(4),
                             .lease = row.integer(5),
                             .due = row.integer(6),
                             .attempts = row.integer(7),
                             .fetched = row.integer(8),
                             .lines = row.integer(9),
                             .ended = row.maybe_integer(10),
                             .error = row.text(11)};
  }
  return found;
}

std::map<store::Id, RecordRow> Reader::records() {
  std::map<store::Id, RecordRow> found;
  for (const auto& row :
       sql_("SELECT id, address, name, synced, bytes, removed, next FROM records")) {
    found[row.integer(0)] = {.address = row.text(1),
                             .name = row.text(2),
                             .synced = row.maybe_integer(3),
                             .bytes = row.integer(4),
                             .removed = row.integer(5) > 0,
                             .next = row.maybe_integer(6)};
  }
  return found;
}

std::map<store::Id, std::int64_t> Reader::changes() {
  std::map<store::Id, std::int64_t> found;
  for (const auto& row : sql_("SELECT record, at FROM changes"))
    found[row.integer(0)] = row.integer(1);
  return found;
}

std::vector<Reader::PartRow> Reader::parts(store::Id job) {
  std::vector<PartRow> found;
  for (const auto& row : sql_("SELECT number, name, address, bytes, complete, sha256, source,"
                              " source_part FROM parts WHERE job = $1 ORDER BY number",
                              {job})) {
    PartRow part{.part = {.number = row.integer(0),
                          .name = row.text(1),
                          .address = row.text(2),
                          .bytes = row.integer(3),
                          .complete = row.integer(4) != 0,
                          .sha256 = row.text(5)},
                 .text = {}};
    if (const auto source = row.maybe_integer(6)) part.part.source = {*source, row.integer(7)};
    const auto from = part.part.source.value_or(store::Part::Source{job, part.part.number});
    for (const auto& piece :
         sql_("SELECT start, bytes FROM pieces WHERE job = $1 AND part = $2 ORDER BY start",
              {from.job, from.part})) {
      if (piece.integer(0) != std::ssize(part.text)) part.is_whole = false;
      part.text += piece.bytes(1);
    }
    if (std::ssize(part.text) != part.part.bytes) part.is_whole = false;
    found.push_back(std::move(part));
  }
  return found;
}

std::optional<std::vector<std::string>> Reader::log(store::Id job) {
  std::vector<std::string> texts;
  for (const auto& row :
       sql_("SELECT number, text FROM log WHERE job = $1 ORDER BY number", {job})) {
    texts.push_back(row.text(1));
    if (row.integer(0) != std::ssize(texts)) return std::nullopt;
  }
  return texts;
}

store::Id Reader::last_done(store::Id record) {
  return sql_("SELECT max(id) FROM jobs WHERE record = $1 AND state = 'done'", {record})
      .front()
      .maybe_integer(0)
      .value_or(0);
}

}  // namespace poetry::sync::simulation
