#include "report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/quantity.hpp"
#include "base/shown_text.hpp"

namespace poetry::get::report {
namespace {

// More failures than this are counted, not listed.
constexpr std::size_t max_failures = 20;

std::string failures(const Run& run) {
  std::string text;
  std::size_t failed = 0;
  for (std::size_t task = 0; task < run.records.size(); ++task) {
    const fetch::Record& record = run.records[task];
    if (record.outcome == fetch::Outcome::ok || ++failed > max_failures) continue;
    fmt::format_to(std::back_inserter(text), "Not fetched, {}: task {}, {}\n",
                   fetch::name(record.outcome), task + 1, base::shown_utf8(record.error));
  }
  if (failed > max_failures)
    fmt::format_to(std::back_inserter(text), "... and {} more\n", failed - max_failures);
  return text;
}

}  // namespace

Totals totals_of(const Run& run) {
  Totals totals;
  if (!run.failure.empty()) totals.failed = run.servers.size();
  base::TimePoint ended = base::TimePoint::min();
  for (const fetch::Record& record : run.records) {
    ++(record.outcome == fetch::Outcome::ok ? totals.fetched : totals.failed);
    totals.bytes += record.bytes;
    totals.lines += record.lines;
    if (!record.ran()) continue;
    totals.started = std::min(totals.started, record.started);
    ended = std::max(ended, record.ended);
    totals.longest = std::max(totals.longest, record.duration());
    totals.sum += record.duration();
  }
  if (totals.started != base::never) totals.elapsed = ended - totals.started;
  return totals;
}

double speedup_of(const Totals& totals) {
  return totals.elapsed == base::Duration::zero()
             ? 1
             : base::seconds(totals.sum) / base::seconds(totals.elapsed);
}

std::string text_report(const Run& run) {
  if (!run.failure.empty()) return fmt::format("Did not run: {}\n", run.failure);
  const Totals totals = totals_of(run);
  const bool all = totals.failed == 0;
  std::string text = failures(run);
  fmt::format_to(std::back_inserter(text),
                 "{} in {}, the slowest task {:.3f} s, all tasks {:.3f} s\n",
                 base::counted(totals.bytes, "byte"), base::counted(totals.lines, "line"),
                 base::seconds(totals.longest), base::seconds(totals.sum));
  fmt::format_to(std::back_inserter(text), "Got {}{} in {:.3f} s\n",
                 all ? "" : fmt::format("{} of ", totals.fetched),
                 base::counted(run.records.size(), "poem"), base::seconds(totals.elapsed));
  return text;
}

base::Duration floor_of(std::span<const Run> runs) {
  Totals best;
  for (const Run& run : runs) {
    const Totals totals = totals_of(run);
    if (totals.started == base::never) continue;
    const bool quicker = totals.fetched == best.fetched && totals.longest < best.longest;
    if (best.started == base::never || totals.fetched > best.fetched || quicker) best = totals;
  }
  return best.longest;
}

std::string comparison(std::span<const Run> runs) {
  const base::Duration floor = floor_of(runs);
  std::vector<std::vector<std::string>> rows{
      {"engine", "elapsed", "ratio", "speedup", "cpu", "wakeups", "switches", "memory", "failed"}};
  for (const Run& run : runs) {
    const Totals totals = totals_of(run);
    if (!run.failure.empty()) {
      rows.push_back({run.engine, "-", "-", "-", "-", "-", "-", "-", "did not run"});
      continue;
    }
    const double ratio =
        floor > base::Duration::zero() ? base::seconds(totals.elapsed) / base::seconds(floor) : 1.0;
    rows.push_back({run.engine, fmt::format("{:.3f} s", base::seconds(totals.elapsed)),
                    fmt::format("{:.2f}", ratio), fmt::format("{:.2f}", speedup_of(totals)),
                    fmt::format("{:.3f} s", base::seconds(run.cost.cpu_user + run.cost.cpu_system)),
                    std::to_string(run.cost.wakeups), std::to_string(run.cost.context_switches),
                    fmt::format("{:.1f} MiB", static_cast<double>(run.cost.max_rss_kib) / 1024),
                    std::to_string(totals.failed)});
  }
  return base::table(rows, 1) +
         fmt::format(
             "The slowest task takes {:.3f} s, the floor; ratio is elapsed to "
             "floor, speedup all tasks to elapsed.\n",
             base::seconds(floor));
}

}  // namespace poetry::get::report
