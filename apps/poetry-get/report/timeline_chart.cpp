#include "report/timeline_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "base/shown_text.hpp"

namespace poetry::get::report {
namespace {

using namespace std::chrono_literals;

// A page's worth, and two of them where there are several runs.
constexpr std::size_t max_rows = 40;
constexpr std::size_t max_rows_in_all = 96;
constexpr std::size_t min_rows = 8;
// Rows of a panel behind which it has an axis of its own.
constexpr std::size_t rows_in_sight = 12;
// A silence of a smaller share of the scale is too short to be told from receiving.
constexpr int idle_share = 40;

Sign ending_of(fetch::Outcome outcome) {
  using fetch::Outcome;
  if (outcome == Outcome::ok) return Sign::whole;
  if (outcome == Outcome::limit) return Sign::limit;
  return outcome == Outcome::interrupted ? Sign::interrupted : Sign::failed;
}

std::vector<Stretch> stretches_of(const fetch::Record& record, base::TimePoint start,
                                  base::Duration silence) {
  std::vector<Stretch> stretches;
  base::TimePoint at = record.started;
  const auto until = [&](Sign sign, base::TimePoint to) {
    to = std::min(to, record.ended);
    if (to <= at) return;
    stretches.push_back({sign, at - start, to - start});
    at = to;
  };
  const auto receiving = [&](base::TimePoint to) {
    const base::TimePoint silent = at + record.arrivals.blur();
    if (to - silent >= silence) until(Sign::receiving, silent);
    until(to - silent >= silence ? Sign::idle : Sign::receiving, to);
  };
  until(Sign::broken, record.attempted);
  until(Sign::resolving, record.resolved);
  until(Sign::connecting, record.connected);
  until(Sign::waiting, record.first_byte);
  for (const base::TimePoint arrival : record.arrivals.times())
    if (arrival > at) receiving(arrival);
  if (at < record.ended) receiving(record.ended);
  return stretches;
}

std::string remark_of(const fetch::Record& record) {
  if (record.started == base::never) return "not begun";
  const bool is_well =
      record.outcome == fetch::Outcome::ok || record.outcome == fetch::Outcome::pending;
  std::string text(is_well ? "" : fetch::name(record.outcome));
  if (record.attempts < 2) return text;
  return text + fmt::format("{}try {}", text.empty() ? "" : ", ", record.attempts);
}

std::string facts_of(const std::string& name, const fetch::Record& record) {
  std::string text = fmt::format("{}: {}", name, fetch::name(record.outcome));
  if (!record.ran()) return text + ", not begun";
  return text + fmt::format(", {} bytes, {:.3f} s, attempts: {}", record.bytes,
                            base::seconds(record.duration()), record.attempts);
}

ChartRow row_of(const Run& run, std::size_t task, base::TimePoint start, base::Duration silence) {
  const fetch::Record& record = run.records[task];
  ChartRow row;
  row.task = task;
  row.name = run.servers.name(task);
  row.ending = ending_of(record.outcome);
  row.remark = remark_of(record);
  row.facts = facts_of(row.name, record);
  row.begun = record.ran();
  if (!row.begun) return row;
  row.started = record.started - start;
  row.ended = record.ended - start;
  row.stretches = stretches_of(record, start, silence);
  // Of one that goes on there is no end yet.
  if (record.outcome == fetch::Outcome::pending && !row.stretches.empty())
    row.ending = row.stretches.back().sign;
  if (record.attempts > 1 && record.attempted != base::never)
    row.retried = record.attempted - start;
  if (record.attempted == base::never) return row;  // what came before the break is void
  for (const base::TimePoint at : record.arrivals.times()) row.arrivals.push_back(at - start);
  return row;
}

std::vector<std::size_t> failures_of(std::span<const Run> runs, std::size_t tasks) {
  std::vector<std::size_t> failed;
  for (std::size_t task = 0; task < tasks; ++task) {
    const auto fails = [task](const Run& run) {
      return run.records[task].outcome != fetch::Outcome::ok;
    };
    if (std::ranges::any_of(runs, fails)) failed.push_back(task);
  }
  return failed;
}

/// The tasks that are shown, in order.
std::set<std::size_t> sample(std::span<const Run> runs, std::size_t tasks) {
  std::set<std::size_t> shown;
  const auto fair = std::max(min_rows, max_rows_in_all / std::max<std::size_t>(1, runs.size()));
  const std::size_t max = std::min(max_rows, fair);
  if (tasks <= max) {
    for (std::size_t task = 0; task < tasks; ++task) shown.insert(task);
    return shown;
  }
  const auto failed = failures_of(runs, tasks);
  const std::size_t of_failed = std::min(failed.size(), max / 4);
  for (std::size_t row = 0; row < of_failed; ++row)
    shown.insert(failed[row * failed.size() / of_failed]);
  shown.insert({0, tasks - 1});
  for (const Run& run : runs) {
    const auto slowest = std::ranges::max_element(run.records, {}, &fetch::Record::duration);
    shown.insert(static_cast<std::size_t>(slowest - run.records.begin()));
  }
  const std::size_t others = max > shown.size() ? max - shown.size() : 0;
  for (std::size_t row = 1; row <= others; ++row) {
    std::size_t task = row * tasks / (others + 1);
    while (!shown.insert(task).second) task = (task + 1) % tasks;
  }
  return shown;
}

std::string heading_of(const Totals& totals, std::size_t tasks) {
  std::string text = fmt::format("{:.3f} s", base::seconds(totals.elapsed));
  if (totals.longest > base::Duration::zero()) {
    fmt::format_to(std::back_inserter(text), ", {:.2f} times the floor of {:.3f} s",
                   base::seconds(totals.elapsed) / base::seconds(totals.longest),
                   base::seconds(totals.longest));
  }
  if (totals.failed == 0) return text;
  return text + fmt::format("; {} of {} fetched", totals.fetched, tasks);
}

std::string note_of(const Run& run, const std::set<std::size_t>& shown) {
  const std::size_t tasks = run.records.size();
  if (shown.size() == tasks) return {};
  std::string text = fmt::format("{} of {} tasks shown", shown.size(), tasks);
  const auto failed = failures_of({&run, 1}, tasks);
  if (failed.empty()) return text;
  const auto seen = std::ranges::count_if(failed, [&](auto task) { return shown.contains(task); });
  return text + fmt::format(", with {} of {} failures", seen, failed.size());
}

/// In which every multiple of `step` up to `whole` is short.
struct Unit {
  base::Duration length;
  const char* name;
};

Unit unit_for(base::Duration step, base::Duration whole) {
  if (step >= 1h) return {1h, "h"};
  if (step >= 1min) return {1min, "min"};
  if (whole >= 1s) return {1s, "s"};
  if (whole >= 1ms) return {1ms, "ms"};
  return {1us, "µs"};
}

std::string in_unit(base::Duration time, const Unit& unit) {
  return fmt::format("{:g} {}", base::seconds(time) / base::seconds(unit.length), unit.name);
}

/// "100 ms", "2 min", "5 µs"; exact for round times.
std::string round_text(base::Duration time) { return in_unit(time, unit_for(time, time)); }

}  // namespace

base::Duration round_time_up(base::Duration min) {
  for (std::int64_t power = 1; power < 1'000'000'000; power *= 10) {
    for (const int factor : {1, 2, 5}) {
      if (std::chrono::nanoseconds(factor * power) >= min)
        return std::chrono::nanoseconds(factor * power);
    }
  }
  constexpr std::array<base::Duration, 16> beyond{1s,   2s,    5s,    10s,   20s, 30s, 1min, 2min,
                                                  5min, 10min, 20min, 30min, 1h,  2h,  5h,   12h};
  const auto found = std::lower_bound(beyond.begin(), beyond.end(), min);
  if (found != beyond.end()) return *found;
  base::Duration step = 24h;
  while (step < min) step *= 2;
  return step;
}

std::vector<Tick> ticks_of(base::Duration whole, std::size_t max) {
  if (whole <= base::Duration::zero()) return {{base::Duration::zero(), "0 s"}};
  const auto steps = static_cast<base::Duration::rep>(max - 1);
  const base::Duration step = round_time_up((whole + base::Duration(steps - 1)) / steps);
  const Unit unit = unit_for(step, whole);
  std::vector<Tick> ticks;
  for (base::Duration at{}; at <= whole; at += step) ticks.push_back({at, in_unit(at, unit)});
  return ticks;
}

Chart chart_of(std::span<const Run> runs, base::Duration min_scale) {
  Chart chart;
  chart.whole = min_scale;
  for (const Run& run : runs) {
    chart.whole = std::max(chart.whole, totals_of(run).elapsed);
    chart.tasks = run.records.size();  // the same of each run
  }
  chart.silence = round_time_up(chart.whole / idle_share);
  const auto shown = sample(runs, chart.tasks);
  for (const Run& run : runs) {
    const Totals totals = totals_of(run);
    ChartPanel panel{run.engine,          heading_of(totals, chart.tasks),
                     note_of(run, shown), totals.elapsed,
                     totals.longest,      {}};
    for (const std::size_t task : shown) {
      const auto& row = panel.rows.emplace_back(row_of(run, task, totals.started, chart.silence));
      ++chart.rows;
      chart.number_width = std::max(chart.number_width, std::to_string(task + 1).size());
      chart.name_width = std::max(chart.name_width, base::columns_of(base::shown_text(row.name)));
      chart.remark_width = std::max(chart.remark_width, row.remark.size());
    }
    chart.panels.push_back(std::move(panel));
  }
  return chart;
}

std::string_view name(Sign sign) {
  static constexpr std::array<std::string_view, signs> names{
      "broken",  "resolving", "connecting", "waiting", "receiving", "idle",
      "arrival", "retry",     "whole",      "limit",   "failed",    "interrupted"};
  return names[static_cast<std::size_t>(sign)];
}

std::string meaning(Sign sign, const Chart& chart) {
  std::string text(name(sign));
  if (sign == Sign::broken) text += " attempts";
  if (sign == Sign::retry) text = "last attempt begins";
  if (sign == Sign::idle) text += " for " + round_text(chart.silence) + " or longer";
  return text;
}

bool has_axis(const Chart& chart, const ChartPanel& panel) {
  return &panel == &chart.panels.back() || panel.rows.size() > rows_in_sight;
}

}  // namespace poetry::get::report
