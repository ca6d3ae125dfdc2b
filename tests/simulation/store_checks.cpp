#include "simulation/store_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.hpp"
#include "simulation/store_server.hpp"

namespace poetry::sync::simulation {
namespace {

std::string sha256_of(const std::string& text) {
  base::Sha256 sha256;
  sha256.update(text);
  return base::to_hex(sha256.finish_digest());
}

/// The lines of a text; the last one too, where it has no newline.
std::vector<std::string> lines_of(const std::string& text, bool with_unfinished) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    if (end == std::string::npos && !with_unfinished) break;
    lines.push_back(text.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return lines;
}

bool is_weblog(const store::Part& part) { return part.address.find(":3") != std::string::npos; }

/// Whether a line of a log is one of the part's text: "NAME NUMBER: LINE".
bool is_text_of(const store::Part& part, const std::string& logged) {
  if (!logged.starts_with(part.name + " ")) return false;
  const auto behind = std::string_view(logged).substr(part.name.size() + 1);
  const auto digits = behind.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  return is_weblog(part) ? behind.substr(digits).starts_with(": event ")
                         : behind.substr(digits).starts_with(": line ") &&
                               behind.ends_with(" of " + part.address);
}

/// A weblog has each event once, and the later one later.
bool is_rising(const std::vector<std::string>& lines) {
  return std::ranges::is_sorted(lines, std::ranges::less_equal{}, weblog_number);
}

}  // namespace

void Checks::wrong(store::Id job, const std::string& what) {
  world_.fail(fmt::format("job {}: {}", job, what));
}

bool Checks::committed(const Fiber& by) {
  if (!disk_.has_news()) return false;
  disk_.database().transact(store::Access::read, [&](store::Transaction& sql) {
    Reader reader(sql);
    check(by, reader);
  });
  return true;
}

void Checks::check(const Fiber& by, Reader& reader) {
  const auto jobs = reader.jobs();
  const auto records = reader.records();
  check_told(reader, jobs, records);
  const bool same = jobs == jobs_;
  check_jobs(by, jobs, records);
  for (const auto& [id, job] : jobs)
    if (job.is_active()) check_active(reader, id, job);
  jobs_ = jobs;
  records_ = records;
  // What is deleted changes no job that is left.
  if (!same || by.claimant != nullptr) check_texts(reader);
}

void Checks::check_jobs(const Fiber& by, const std::map<store::Id, JobRow>& now,
                        const std::map<store::Id, RecordRow>& records) {
  std::map<store::Id, std::size_t> active;
  active_ = 0;
  for (const auto& [id, job] : now) {
    if (job.is_active()) {
      ++active_;
      if (++active[job.record] > 1) wrong(id, "the record has two active jobs");
    } else {
      ended_.emplace(id, job.ended.value_or(0));
      if (!job.ended) wrong(id, job.state + ", and has no end");
    }
    const auto before = jobs_.find(id);
    if (before == jobs_.end()) {
      if (job.state != "queued" || job.attempts != 0) wrong(id, "begins as " + job.state);
      if (by.claimant != nullptr) check_schedule(id, job.record, records.at(job.record));
    } else if (before->second != job) {
      check_change(by, id, before->second, job);
    }
  }
  for (const auto& [id, job] : jobs_)
    if (job.is_active() && !now.contains(id)) wrong(id, "is deleted while it is " + job.state);
}

/// A worker asks for a record's job once each time that it is due.
void Checks::check_schedule(store::Id id, store::Id record_id, const RecordRow& record) {
  if (!record.next) wrong(id, "was asked for by a worker, and nobody wants that");
  if (record.next && *record.next <= records_[record_id].next)
    wrong(id, "is asked for again at once");
}

void Checks::check_change(const Fiber& by, store::Id id, const JobRow& before,
                          const JobRow& after) {
  if (!before.is_active()) return wrong(id, "changes, and was over: " + before.state);
  if (after.revision < before.revision) wrong(id, "its revision goes back");
  if (after.fence < before.fence) wrong(id, "its fence goes back");
  if (after.lines < before.lines) wrong(id, "its lines go back");
  if (after.fetched < before.fetched && by.claimant != nullptr)
    wrong(id, fmt::format("its progress goes back from {} to {}", before.fetched, after.fetched));
  if (after.revision == before.revision &&
      (after.state != before.state || after.lines != before.lines ||
       after.fetched != before.fetched))
    wrong(id, "changes without a new revision");
  if (by.claimant != nullptr) {
    check_worker(by, id, before, after);
  } else {
    check_asker(id, before, after);
  }
}

void Checks::check_worker(const Fiber& by, store::Id id, const JobRow& before,
                          const JobRow& after) {
  const auto now = world_.wall_ms();
  if (after.fence != before.fence && after.is_taken()) {
    if (after.attempts != before.attempts + 1) wrong(id, "was taken, and no attempt counted");
    if (before.state == "queued" && before.due > now) wrong(id, "was taken before it was due");
    if (before.is_taken() && before.lease > now) wrong(id, "was taken from who has its lease");
    if (before.state == "cancelling" && after.state != before.state)
      wrong(id, "was to be cancelled, and runs");
    holders_[id] = by.claimant->number;
    return;
  }
  if (before.state == "queued") return wrong(id, "was changed by a worker, and waits");
  if (holders_[id] != by.claimant->number)
    return wrong(id, "was written by " + by.process.name + ", who had lost it");
  if (before.state == "cancelling" && after.state != "cancelling" && after.state != "cancelled" &&
      after.state != "done")
    wrong(id, "was to be cancelled, and is " + after.state);
  if (!after.is_taken() && after.fence == before.fence) wrong(id, "ends with its fence");
}

void Checks::check_asker(store::Id id, const JobRow& before, const JobRow& after) {
  // One that was told to stop loses a record that is removed.
  const bool has_worker = before.state == "running" && before.lease > world_.wall_ms();
  if (after.state == "cancelled") {
    if (has_worker) wrong(id, "was cancelled under its worker's hands");
    if (after.fence == before.fence) wrong(id, "was cancelled with its fence");
  } else if (after.state != before.state && after.state != "cancelling") {
    wrong(id, "was made " + after.state + " by who asks");
  }
}

void Checks::check_active(Reader& reader, store::Id id, const JobRow& job) {
  const auto log = reader.log(id);
  if (!log) return wrong(id, "a number of its log is missing");
  if (std::ssize(*log) != job.lines)
    return wrong(id, fmt::format("counts {} lines, and has {}", job.lines, log->size()));
  std::int64_t fetched = 0;
  const auto parts = reader.parts(id);
  for (const auto& row : parts) {
    fetched += row.part.bytes;
    if (!row.part.source) check_part(id, row, *log);
  }
  if (!parts.empty() && job.fetched != fetched)
    wrong(id, fmt::format("counts {} bytes, and has {}", job.fetched, fetched));
}

void Checks::check_part(store::Id id, const Reader::PartRow& row,
                        const std::vector<std::string>& log) {
  const auto& part = row.part;
  if (!row.is_whole) wrong(id, part.name + ": bytes are missing, or too many");
  const auto lines = lines_of(row.text, part.complete);
  if (is_weblog(part)) {
    if (!row.text.empty() && row.text.back() != '\n') wrong(id, "half an event is stored");
    if (!is_rising(lines)) wrong(id, "an event is doubled");
  } else {
    const auto served = poem_at(part.address, server_plan());
    if (!served.starts_with(row.text)) wrong(id, part.name + ": other bytes than were served");
    if (part.complete && row.text != served) wrong(id, part.name + ": complete, and lacks some");
    if (part.complete && part.sha256 != sha256_of(served)) wrong(id, part.name + ": its SHA-256");
  }
  std::size_t found = 0;
  for (const auto& logged : log) {
    if (!is_text_of(part, logged)) continue;
    const auto expected =
        found < lines.size() ? fmt::format("{} {}: {}", part.name, found + 1, lines[found]) : "";
    ++found;
    if (logged != expected)
      return wrong(id, fmt::format("logs \"{}\" in place of \"{}\"", logged, expected));
  }
  if (found < lines.size())
    wrong(id, fmt::format("{}: logs {} of {} lines", part.name, found, lines.size()));
}

/// What can be read of a record is always whole.
void Checks::check_texts(Reader& reader) {
  for (const auto& [id, record] : records_) {
    const auto done = record.removed ? 0 : reader.last_done(id);
    if (done == 0) continue;
    const auto parts = reader.parts(done);
    if (parts.empty()) return wrong(done, "is done, and has no text");
    std::int64_t bytes = 0;
    for (const auto& row : parts) {
      bytes += row.part.bytes;
      if (!row.is_whole) wrong(done, row.part.name + ": is done, and bytes are missing");
      if (!row.part.complete) wrong(done, row.part.name + ": is done, and not complete");
      if (!is_weblog(row.part) && row.text != poem_at(row.part.address, server_plan()))
        wrong(done, row.part.name + ": is done, and has another text");
    }
    if (!record.synced || record.bytes != bytes) wrong(done, "is done, and its record not synced");
  }
}

/// Each change of a record or of its jobs is noted for who asks what is new.
void Checks::check_told(Reader& reader, const std::map<store::Id, JobRow>& jobs,
                        const std::map<store::Id, RecordRow>& records) {
  std::set<store::Id> changed;
  for (const auto& [id, job] : jobs) {
    const auto before = jobs_.find(id);
    if (before == jobs_.end() || before->second != job) changed.insert(job.record);
  }
  for (const auto& [id, record] : records) {
    const auto before = records_.find(id);
    if (before == records_.end() || before->second != record) changed.insert(id);
  }
  if (changed.empty()) return;
  auto changes = reader.changes();
  for (const auto id : changed)
    if (changes[id] == changes_[id]) world_.fail(fmt::format("record {}: no news", id));
  changes_ = std::move(changes);
}

void Checks::finish() {
  for (const auto& [job, asked] : promises_) {
    const auto ended = ended_.find(job);
    if (ended == ended_.end()) {
      wrong(job, "somebody was told of it, and it did not come to an end");
    } else if (ended->second < asked) {
      wrong(job, "somebody was told of it, and it was over before they asked");
    }
  }
}

}  // namespace poetry::sync::simulation
