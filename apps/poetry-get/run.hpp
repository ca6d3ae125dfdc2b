// What poetry-get does once its options are known.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "options.hpp"
#include "output/background_writer.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// Fetches, prints and reports; the exit status. Raises UsageError, and std::system_error where
/// the output fails.
int run_get(const GetOptions& options);

/// --check: prints what would fail with these options, and what helps, without fetching; returns
/// the exit status. Raises what the options and lists themselves raise (UsageError,
/// std::system_error).
int check(const GetOptions& options);

/// Whether an option names a file, and not standard output ("-") or nothing.
bool is_file(const std::string& path);

/// Raises UsageError where --output and --report-file would overwrite each other.
void check_distinct(const GetOptions& options);

/// The files that a run writes: opened before anything is fetched, so that what cannot be written
/// is found in time.
struct Files {
  /// Raises as check_distinct() does, and base::Failure naming what cannot be written.
  explicit Files(const GetOptions& options);
  /// Once, in each process that wrote. Raises std::system_error naming the file of which something
  /// is lost, as some file systems tell only now.
  void close();

  output::Sink poems;    ///< the one file of all poems, where there is one
  output::Sink nowhere;  ///< a device that takes as much work and keeps nothing
  output::Sink report;   ///< the report's file, else standard error
  std::vector<std::pair<std::string, base::Fd>> opened;  ///< behind them
};

/// Tells all that the options ask for once all runs are over, the report to `sink`, and what helps;
/// of timelines only those in files where `draws` is false. Raises std::system_error.
void tell_results(const GetOptions& options, std::span<const report::Run> runs,
                  report::Engines engines, const output::Sink& sink, bool draws);

/// The exit status that they come to.
int status_of(std::span<const report::Run> runs);

/// What helps against failures, told by --check beforehand and by a run once a kind.
inline constexpr std::string_view silence_remedy =
    "check the name servers, or give a numeric address";
inline constexpr std::string_view name_remedy =
    "check the name, -4 and -6, or give a numeric address";
inline constexpr std::string_view route_remedy =
    "no interface here leads there: see 'ip route', or choose the other family";
inline constexpr std::string_view room_remedy = "raise that limit, or let --parallel be smaller";
inline constexpr std::string_view ports_remedy = "let --parallel be smaller, or widen that range";
inline constexpr std::string_view spool_remedy = "set TMPDIR to a directory with room";

}  // namespace poetry::get
