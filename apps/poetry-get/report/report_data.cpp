#include <fmt/core.h>

#include "base/json.hpp"
#include "base/shown_text.hpp"
#include "base/utc.hpp"
#include "report/report.hpp"

namespace poetry::get::report {
namespace {

// To the microsecond, so that columns of them line up.
std::string seconds_text(base::Duration duration) {
  return fmt::format("{:.6f}", base::seconds(duration));
}

// A time since the run's start; empty where it did not come to that.
std::string since(base::TimePoint start, base::TimePoint at) {
  return at == base::never ? "" : seconds_text(at - start);
}

// The time of day of a time of this run; empty where it did not come to that.
std::string time_of_day(base::TimePoint at) {
  using std::chrono::system_clock;
  static const system_clock::duration offset =
      system_clock::now().time_since_epoch() - base::Clock::now().time_since_epoch();
  if (at == base::never) return {};
  return base::utc_text(system_clock::time_point(at.time_since_epoch() + offset));
}

// RFC 4180. A text that a spreadsheet would take for a formula begins with an apostrophe, which
// makes it a text there.
std::string quoted_csv(std::string text) {
  text = base::shown_utf8(text);
  if (text.find_first_of("=+-@") == 0) text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char each : text) quoted.append(each == '"' ? 2 : 1, each);
  return quoted + '"';
}

struct Field {
  std::string_view name;
  std::string text;
  bool is_text = false;
};

// A task's fields in the order of the report.
std::vector<Field> fields_of(const fetch::Servers& servers, std::size_t task,
                             const fetch::Record& record, base::TimePoint start) {
  const net::HostPort& where = servers[task];
  const auto* const details = servers.details(task);
  return {{"task", std::to_string(task + 1)},
          {"host", where.host, true},
          {"port", std::to_string(where.port)},
          {"address", record.address ? net::to_string(*record.address) : "", true},
          {"outcome", std::string(fetch::name(record.outcome)), true},
          {"error", record.error, true},
          {"attempts", std::to_string(record.attempts)},
          {"bytes", std::to_string(record.bytes)},
          {"lines", std::to_string(record.lines)},
          {"sha256", record.sha256 ? base::to_hex(*record.sha256) : "", true},
          {"started_s", since(start, record.started)},
          {"connected_s", since(start, record.connected)},
          {"first_byte_s", since(start, record.first_byte)},
          {"longest_gap_s", seconds_text(record.longest_gap)},
          {"ended_s", since(start, record.ended)},
          {"label", details == nullptr ? "" : details->label, true},
          {"sent", std::to_string(record.sent)},
          {"resolved_s", since(start, record.resolved)},
          {"started_at", time_of_day(record.started), record.started != base::never}};
}

/// Gathers small texts into pieces that are worth a system call.
class Pieces {
 public:
  explicit Pieces(const output::Sink& sink) : sink_(sink) {}

  Pieces& operator<<(std::string_view text) {
    piece_ += text;
    if (piece_.size() >= enough) pass_on();
    return *this;
  }
  void pass_on() {
    if (!piece_.empty()) sink_(piece_);
    piece_.clear();
  }

 private:
  static constexpr std::size_t enough = std::size_t{64} << 10;

  const output::Sink& sink_;
  std::string piece_;
};

std::string json_members(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    text.append(text.empty() ? "\"" : ", \"").append(field.name).append("\": ");
    if (field.is_text) {
      text += base::json_string(field.text);
    } else {
      text += field.text.empty() ? "null" : field.text;
    }
  }
  return text + "}";
}

void write_json_calls(const Run& run, Pieces& out) {
  out << "  \"watched_s\": " << seconds_text(run.watched) << ",\n  \"calls\": [";
  std::string_view lead = "\n    ";
  for (const CallCount& each : run.call_counts) {
    out << lead
        << fmt::format(
               "{{\"name\": {}, \"calls\": {}, \"waited\": {}, \"nothing\": {}, \"bytes\": {}}}",
               base::json_string(each.name), each.calls, each.waited, each.nothing, each.bytes);
    lead = ",\n    ";
  }
  out << "\n  ],\n";
}

void write_json_run(const Run& run, Pieces& out) {
  const Totals totals = totals_of(run);
  out << "{\n  \"engine\": " << base::json_string(run.engine);
  const auto started_at =
      totals.started == base::never ? "null" : base::json_string(time_of_day(totals.started));
  if (!run.failure.empty()) out << ",\n  \"error\": " << base::json_string(run.failure);
  out << fmt::format(
      ",\n  \"started_at\": {},\n  \"servers\": {},\n  \"fetched\": {},\n  \"failed\": {},\n  "
      "\"bytes\": {},\n"
      "  \"elapsed_s\": {},\n  \"longest_s\": {},\n  \"sum_s\": {},\n  \"speedup\": {:.3f},\n"
      "  \"cpu_user_s\": {},\n  \"cpu_system_s\": {},\n  \"wakeups\": {},\n"
      "  \"context_switches\": {},\n  \"max_rss_kib\": {},\n",
      started_at, run.servers.size(), totals.fetched, totals.failed, totals.bytes,
      seconds_text(totals.elapsed), seconds_text(totals.longest), seconds_text(totals.sum),
      speedup_of(totals), seconds_text(run.cost.cpu_user), seconds_text(run.cost.cpu_system),
      run.cost.wakeups, run.cost.context_switches, run.cost.max_rss_kib);
  if (!run.call_counts.empty()) write_json_calls(run, out);
  out << "  \"tasks\": [";
  for (std::size_t task = 0; task < run.records.size(); ++task) {
    out << (task == 0 ? "\n    {" : ",\n    {");
    out << json_members(fields_of(run.servers, task, run.records[task], totals.started));
  }
  out << (run.records.empty() ? "]\n}" : "\n  ]\n}");
}

}  // namespace

void write_json_report(std::span<const Run> runs, Engines engines, const output::Sink& sink) {
  Pieces out(sink);
  if (engines == Engines::several) out << "[";
  std::string_view lead;
  for (const Run& run : runs) {
    out << lead;
    write_json_run(run, out);
    lead = ", ";
  }
  out << (engines == Engines::several ? "]\n" : "\n");
  out.pass_on();
}

std::string json_line(std::string_view engine, const fetch::Servers& servers, std::size_t task,
                      const fetch::Record& record, base::TimePoint start) {
  return "{\"engine\": " + base::json_string(engine) + ", " +
         json_members(fields_of(servers, task, record, start)) + "\n";
}

void write_csv_report(std::span<const Run> runs, const output::Sink& sink) {
  Pieces out(sink);
  out << "engine,task,host,port,address,outcome,error,attempts,bytes,lines,sha256,started_s,"
         "connected_s,first_byte_s,longest_gap_s,ended_s,label,sent,resolved_s,started_at\n";
  for (const Run& run : runs) {
    const base::TimePoint start = totals_of(run).started;
    for (std::size_t task = 0; task < run.records.size(); ++task) {
      out << quoted_csv(run.engine);
      for (const Field& field : fields_of(run.servers, task, run.records[task], start))
        out << "," << quoted_csv(field.text);
      out << "\n";
    }
  }
  out.pass_on();
}

}  // namespace poetry::get::report
