// The final report of a run: what was fetched, how long it took, what it cost. Text for people,
// JSON and CSV for programs. Pure functions of what a run left.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fetch/record.hpp"
#include "net/address.hpp"

namespace poetry {

/// What a run cost its process (getrusage(2)), and how often it waited.
struct Cost {
  Duration cpu_user{};
  Duration cpu_system{};
  std::uint64_t wakeups = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t max_rss_kib = 0;
};

/// A batch as one engine fetched it.
struct Run {
  std::string engine;
  std::vector<HostPort> servers;    ///< of each task
  std::vector<Record> records;      ///< of each task
  std::vector<std::string> sha256;  ///< of each task, or none at all
  Cost cost;
};

/// Figures over all tasks of a run. Tasks that never began count as failed, and add no time.
struct Totals {
  std::size_t fetched = 0;  ///< ended ok
  std::size_t failed = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  TimePoint started = never;  ///< the first task's start
  Duration elapsed{};         ///< from there to the last task's end
  Duration longest{};         ///< the slowest task: no engine can be faster
  Duration sum{};             ///< all tasks: what one after another takes
};
Totals totals_of(const Run& run);

/// sum / elapsed; 1 where nothing took any time.
double speedup_of(const Totals& totals);

/// Failures and totals; its last line is like "Got 2 of 3 poems in 4.003 s".
std::string text_report(const Run& run);

/// The runs of one batch beside each other.
std::string comparison(std::span<const Run> runs);

/// One JSON object, or an array of them where there are several runs.
std::string json_report(std::span<const Run> runs);

/// A header and a row a task (RFC 4180, but lines end in LF).
std::string csv_report(std::span<const Run> runs);

}  // namespace poetry
