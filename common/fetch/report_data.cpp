#include <spdlog/fmt/fmt.h>

#include <boost/json.hpp>
#include <iterator>

#include "fetch/report.hpp"

namespace poetry {
namespace {

// Boost.JSON writes a number as 4.003E0; these are for people, too.
std::string seconds_text(Duration duration) { return fmt::format("{:.6f}", seconds(duration)); }

// A time since the run's start, or `none` where it did not come to that.
std::string since(TimePoint start, TimePoint at, std::string_view none) {
  return at == never ? std::string(none) : seconds_text(at - start);
}

std::string quoted_json(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

std::string quoted_csv(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char each : text) quoted.append(each == '"' ? 2 : 1, each);
  return quoted + '"';
}

struct Field {
  std::string_view name;
  std::string text;
  bool is_text = false;
};

// A task's fields in the order of the report; `none` stands for a time that never came.
std::vector<Field> fields_of(const Run& run, std::size_t task, TimePoint start,
                             std::string_view none) {
  const Record& record = run.records[task];
  const HostPort& where = run.servers[task];
  return {{"task", std::to_string(task + 1)},
          {"host", where.host, true},
          {"port", std::to_string(where.port)},
          {"address", record.address ? to_string(*record.address) : "", true},
          {"outcome", std::string(name(record.outcome)), true},
          {"error", record.error, true},
          {"attempts", std::to_string(record.attempts)},
          {"bytes", std::to_string(record.bytes)},
          {"lines", std::to_string(record.lines)},
          {"sha256", task < run.sha256.size() ? run.sha256[task] : "", true},
          {"started_s", since(start, record.started, none)},
          {"connected_s", since(start, record.connected, none)},
          {"first_byte_s", since(start, record.first_byte, none)},
          {"longest_gap_s", seconds_text(record.longest_gap)},
          {"ended_s", since(start, record.ended, none)}};
}

std::string json_task(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    fmt::format_to(std::back_inserter(text), "{}\"{}\": {}", text.empty() ? "{" : ", ", field.name,
                   field.is_text ? quoted_json(field.text) : field.text);
  }
  return text + "}";
}

std::string json_run(const Run& run) {
  const Totals totals = totals_of(run);
  std::string text = fmt::format(
      "{{\n  \"engine\": {},\n  \"servers\": {},\n  \"fetched\": {},\n  \"failed\": {},\n"
      "  \"bytes\": {},\n  \"elapsed_s\": {},\n  \"longest_s\": {},\n  \"sum_s\": {},\n"
      "  \"speedup\": {:.3f},\n  \"cpu_user_s\": {},\n  \"cpu_system_s\": {},\n"
      "  \"wakeups\": {},\n  \"context_switches\": {},\n  \"max_rss_kib\": {},\n  \"tasks\": [",
      quoted_json(run.engine), run.servers.size(), totals.fetched, totals.failed, totals.bytes,
      seconds_text(totals.elapsed), seconds_text(totals.longest), seconds_text(totals.sum),
      speedup_of(totals), seconds_text(run.cost.cpu_user), seconds_text(run.cost.cpu_system),
      run.cost.wakeups, run.cost.context_switches, run.cost.max_rss_kib);
  for (std::size_t task = 0; task < run.records.size(); ++task) {
    text += task == 0 ? "\n    " : ",\n    ";
    text += json_task(fields_of(run, task, totals.started, "null"));
  }
  return text + (run.records.empty() ? "]\n}" : "\n  ]\n}");
}

}  // namespace

std::string json_report(std::span<const Run> runs) {
  if (runs.size() == 1) return json_run(runs.front()) + "\n";
  std::string text;
  for (const Run& run : runs) text += (text.empty() ? "[" : ", ") + json_run(run);
  return (text.empty() ? "[" : text) + "]\n";
}

std::string csv_report(std::span<const Run> runs) {
  std::string text =
      "engine,task,host,port,address,outcome,error,attempts,bytes,lines,sha256,started_s,"
      "connected_s,first_byte_s,longest_gap_s,ended_s\n";
  for (const Run& run : runs) {
    const TimePoint start = totals_of(run).started;
    for (std::size_t task = 0; task < run.records.size(); ++task) {
      text += quoted_csv(run.engine);
      for (const Field& field : fields_of(run, task, start, "")) {
        text += "," + quoted_csv(field.text);
      }
      text += '\n';
    }
  }
  return text;
}

}  // namespace poetry
