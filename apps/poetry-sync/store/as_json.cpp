#include "store/as_json.hpp"

#include "base/utc.hpp"

namespace poetry::sync::store {
namespace {

using boost::json::object;
using boost::json::value;

value time_or_null(const std::optional<Millis>& at) {
  return at ? value(time_text(*at)) : value(nullptr);
}

}  // namespace

std::string time_text(Millis at) {
  return base::utc_text(std::chrono::system_clock::time_point(std::chrono::milliseconds(at)));
}

object as_json(const Job& job) {
  return {{"id", job.id},
          {"record", job.record},
          {"state", name_of(job.state)},
          {"revision", job.revision},
          {"created", time_text(job.created)},
          {"started", time_or_null(job.started)},
          {"ended", time_or_null(job.ended)},
          {"due", job.state == JobState::queued ? value(time_text(job.due)) : value(nullptr)},
          {"attempts", job.attempts},
          {"max_attempts", job.max_attempts},
          {"fetched", job.fetched},
          {"expected", job.expected ? value(*job.expected) : value(nullptr)},
          {"lines", job.lines},
          {"worker", job.worker},
          {"error", job.error}};
}

object as_json(const SyncRecord& record) {
  return {{"id", record.id},
          {"type", name_of(record.type)},
          {"address", record.address},
          {"name", record.name},
          {"created", time_text(record.created)},
          {"synced", time_or_null(record.synced)},
          {"bytes", record.bytes},
          {"every_s", static_cast<double>(record.every) / 1000},
          {"next", time_or_null(record.next)},
          {"job", record.job ? value(as_json(*record.job)) : value(nullptr)}};
}

object as_json(const std::array<std::int64_t, job_state_names.size()>& counts) {
  object by_state;
  for (std::size_t i = 0; i < counts.size(); ++i)
    by_state.emplace(job_state_names.at(i), counts.at(i));
  return by_state;
}

object as_json(const LogLine& line) {
  return {{"number", line.number}, {"at", time_text(line.at)}, {"text", line.text}};
}

object as_json(const Part& part) {
  return {{"number", part.number},
          {"name", part.name},
          {"address", part.address},
          {"bytes", part.bytes},
          {"complete", part.complete},
          {"expected", part.expected ? value(*part.expected) : value(nullptr)},
          {"sha256", part.sha256}};
}

object as_json(const Store::Requested& requested) {
  const auto& job = requested.job;
  return {{"record", job.record}, {"job", job.id}, {"new", requested.is_new}};
}

}  // namespace poetry::sync::store
