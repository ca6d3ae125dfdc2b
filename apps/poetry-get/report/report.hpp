// The final report of a run: what was fetched, how long it took, what it cost. Text for people,
// JSON and CSV for programs, which come task by task, however many there are; pictures for a
// terminal and, as SVG, for a slide or a page. Pure functions of what a run left.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/terminal.hpp"
#include "fetch/record.hpp"
#include "fetch/servers.hpp"
#include "output/background_writer.hpp"

namespace poetry::get::report {

/// What a run cost its process (getrusage(2)), and how often it waited.
struct Cost {
  base::Duration cpu_user{};
  base::Duration cpu_system{};
  std::uint64_t wakeups = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t max_rss_kib = 0;
};

/// A system call that strace(1) saw.
struct Call {
  std::string thread;  ///< that made it
  base::TimePoint at;  ///< when it began
  base::Duration took{};
  std::string name;
  std::string arguments;  ///< as strace shows them
  int descriptor = -1;    ///< that it is about
  std::int64_t result = 0;
  std::string error{};  ///< such as "EAGAIN", where it failed
};

/// The calls of one name.
struct CallCount {
  std::string name;
  std::uint64_t calls = 0;
  std::uint64_t waited = 0;   ///< took 1 ms or longer
  std::uint64_t nothing = 0;  ///< found nothing, such as EAGAIN
  std::uint64_t moving = 0;   ///< moved bytes,
  std::uint64_t bytes = 0;    ///< so many in all
};

/// A batch as one engine fetched it.
struct Run {
  std::string engine;
  fetch::Servers servers;
  std::vector<fetch::Record> records;  ///< of each task; none where it did not run to its end
  Cost cost;
  std::string failure;                 ///< why it did not, else empty
  std::vector<Call> calls;             ///< where it was watched, in the order of their times
  std::vector<CallCount> call_counts;  ///< of another run that was, the most frequent first
  base::Duration watched{};            ///< how long that took
  std::string task_calls;              ///< calls_of_task() of that, where it was asked for
};

/// Figures over all tasks of a run. Tasks that never began count as failed, and add no time; so do
/// all tasks of an engine that did not run to its end.
struct Totals {
  std::size_t fetched = 0;  ///< ended ok
  std::size_t failed = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  base::TimePoint started = base::never;  ///< the first task's start
  base::Duration elapsed{};               ///< from there to the last task's end
  base::Duration longest{};               ///< the slowest task: no engine can be faster
  base::Duration sum{};                   ///< all tasks: what one after another takes
};
Totals totals_of(const Run& run);

/// sum / elapsed; 1 where nothing took any time.
double speedup_of(const Totals& totals);

/// Failures and totals; its last line is like "Got 2 of 3 poems in 4.003 s".
std::string text_report(const Run& run);

/// The time below which no engine gets with this batch: its slowest task, under the engine that was
/// quickest with it, of those that fetched the most. Zero where nothing ran.
base::Duration floor_of(std::span<const Run> runs);

/// The runs of one batch beside each other.
std::string comparison(std::span<const Run> runs);

/// Counts for `run` the calls of a run of the same batch that was watched.
void count_calls(Run& run, const Run& watched);
/// What each of the runs asked of the kernel, by name.
std::string calls_table(std::span<const Run> runs);
/// What was asked for a task of this run, which was watched, in time, beside what arrived.
std::string calls_of_task(const Run& watched, std::size_t task);

/// Whether one engine was asked for, or several, also where a signal left but one run.
enum class Engines { one, several };

/// One JSON object, or an array of them where several engines were asked for.
void write_json_report(std::span<const Run> runs, Engines engines, const output::Sink& sink);

/// One JSON object of a task and its engine, and a newline. Times are told from `start` on.
std::string json_line(std::string_view engine, const fetch::Servers& servers, std::size_t task,
                      const fetch::Record& record, base::TimePoint start);

/// A header and a row a task (RFC 4180, but lines end in LF).
void write_csv_report(std::span<const Run> runs, const output::Sink& sink);

/// How pictures in characters look: a row a task, which shows when it resolved, connected, waited,
/// received, and how it ended.
struct Look {
  std::size_t width = 80;  ///< columns; a row is wider only where that leaves no room for a bar
  base::Glyphs glyphs = base::Glyphs::ascii;
  base::Colours colours = base::Colours::no;
};

/// Draws the runs, which are of the same tasks, under each other on one scale. Of many tasks a
/// sample is shown, and said to be one, see timeline_chart.hpp.
std::string draw_timeline(std::span<const Run> runs, const Look& look);

/// Draws a run that goes on, with its tasks so far, on a scale of that length or longer; `heading`
/// stands behind its engine.
std::string draw_timeline(const Run& run, base::Duration scale, std::string_view heading,
                          const Look& look);

/// The least of 1, 2 and 5 times a power of ten, of a second and below, and of what clocks show
/// above it (10, 20, 30 s; 1, 2, 5 min ...), that is `min` or longer.
base::Duration round_time_up(base::Duration min);

/// Whether bars grow in their own time, once, but for who prefers reduced motion.
enum class Motion { no, yes };

/// The same as an SVG document of its own, which refers to nothing outside itself.
std::string svg_timeline(std::span<const Run> runs, Motion motion = Motion::no);

}  // namespace poetry::get::report
