#include <boost/json.hpp>

#include "engine_process.hpp"

namespace poetry {
namespace {

namespace json = boost::json;

std::int64_t packed(TimePoint at) { return at.time_since_epoch().count(); }
TimePoint time_of(const json::value& value) { return TimePoint(Duration(value.as_int64())); }
Duration duration_of(const json::value& value) { return Duration(value.as_int64()); }

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

json::array pack_record(const Record& record) {
  json::array arrivals;
  for (const TimePoint at : record.arrivals.times()) arrivals.emplace_back(packed(at));
  json::array address;
  if (record.address) {
    address = {record.address->host(), record.address->port()};
  }
  return {static_cast<int>(record.outcome),
          record.error,
          std::move(address),
          record.attempts,
          record.bytes,
          record.lines,
          packed(record.started),
          packed(record.attempted),
          packed(record.resolved),
          packed(record.connected),
          packed(record.first_byte),
          packed(record.ended),
          record.longest_gap.count(),
          record.arrivals.blur().count(),
          std::move(arrivals)};
}

Record unpack_record(const json::array& from) {
  std::size_t at = 0;
  Record record;
  record.outcome = static_cast<Outcome>(from.at(at++).as_int64());
  record.error = text_of(from.at(at++));
  if (const auto& address = from.at(at++).as_array(); !address.empty()) {
    const HostPort where{text_of(address.at(0)), address.at(1).to_number<std::uint16_t>()};
    const auto found = resolve_numeric(where);
    if (!found.addresses.empty()) record.address = found.addresses.front();
  }
  record.attempts = from.at(at++).to_number<std::uint64_t>();
  record.bytes = from.at(at++).to_number<std::uint64_t>();
  record.lines = from.at(at++).to_number<std::uint64_t>();
  record.started = time_of(from.at(at++));
  record.attempted = time_of(from.at(at++));
  record.resolved = time_of(from.at(at++));
  record.connected = time_of(from.at(at++));
  record.first_byte = time_of(from.at(at++));
  record.ended = time_of(from.at(at++));
  record.longest_gap = duration_of(from.at(at++));
  const Duration blur = duration_of(from.at(at++));
  std::vector<TimePoint> times;
  for (const auto& time : from.at(at++).as_array()) times.push_back(time_of(time));
  record.arrivals = {blur, std::move(times)};
  return record;
}

}  // namespace

std::string pack(const Run& run) {
  json::array records;
  for (const Record& record : run.records) records.emplace_back(pack_record(record));
  json::array sha256;
  for (const auto& digest : run.sha256) sha256.emplace_back(digest);
  const Cost& cost = run.cost;
  return json::serialize(json::array{run.engine, std::move(records), std::move(sha256),
                                     cost.cpu_user.count(), cost.cpu_system.count(), cost.wakeups,
                                     cost.context_switches, cost.max_rss_kib});
}

Run unpack(const std::string& text) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // a server's name may be anything
  const auto parsed = json::parse(text, {}, options).as_array();
  Run run;
  run.engine = text_of(parsed.at(0));
  for (const auto& record : parsed.at(1).as_array()) {
    run.records.push_back(unpack_record(record.as_array()));
  }
  for (const auto& digest : parsed.at(2).as_array()) run.sha256.push_back(text_of(digest));
  run.cost.cpu_user = duration_of(parsed.at(3));
  run.cost.cpu_system = duration_of(parsed.at(4));
  run.cost.wakeups = parsed.at(5).to_number<std::uint64_t>();
  run.cost.context_switches = parsed.at(6).to_number<std::uint64_t>();
  run.cost.max_rss_kib = parsed.at(7).to_number<std::uint64_t>();
  return run;
}

}  // namespace poetry
