#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/terminal.hpp"
#include "cli/main.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "output/output.hpp"
#include "run.hpp"

namespace poetry::get {
namespace {

output::Sink sink_to(const std::string& path, Files& files) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  auto file = base::opened(::open(path.c_str(), flags, 0666), "write to", path);
  const int fd = files.opened.emplace_back(path, std::move(file)).second.get();
  return [fd, path](std::string_view bytes) { cli::write_all(fd, bytes, path); };
}

/// Whether two paths lead to one file, also one that is not there yet.
bool are_one_file(const std::string& one, const std::string& other) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(one, error) && fs::exists(other, error))  // and keeps what it gets
    return fs::is_regular_file(one, error) && fs::equivalent(one, other, error);
  const auto full = [&error](const std::string& path) {
    return fs::weakly_canonical(fs::absolute(path, error), error);
  };
  return full(one) == full(other) && !error;
}

/// What helps against that end of a task; empty where nothing is known.
std::string_view remedy_for(const fetch::Record& record) {
  // A record keeps an error as the text that messages show.
  const auto tells = [&record](std::string_view text) {
    return record.error.find(text) != std::string::npos;
  };
  if (record.outcome == fetch::Outcome::resolve) return name_remedy;
  if (record.outcome == fetch::Outcome::output && tells("temporary file in")) return spool_remedy;
  if (record.outcome != fetch::Outcome::connect) return {};
  if (tells(std::generic_category().message(ENETUNREACH))) return route_remedy;
  return tells("net.ipv4.ip_local_port_range") ? ports_remedy : std::string_view{};
}

// Each once, however many tasks it would help.
void tell_remedies(std::span<const report::Run> runs) {
  std::set<std::string_view> remedies;
  for (const report::Run& run : runs)
    for (const auto& record : run.records) remedies.insert(remedy_for(record));
  remedies.erase(std::string_view{});
  for (const auto remedy : remedies)
    cli::write_standard_error("      " + std::string(remedy) + "\n");
}

void tell_report(const GetOptions& options, std::span<const report::Run> runs,
                 report::Engines engines, const output::Sink& sink) {
  if (options.report == "json") report::write_json_report(runs, engines, sink);
  if (options.report == "csv") report::write_csv_report(runs, sink);
  if (options.report != "text") return;
  for (const report::Run& run : runs) {
    if (engines == report::Engines::several) sink("Engine " + run.engine + ":\n");
    sink(report::text_report(run));
  }
  if (runs.size() > 1) sink(report::comparison(runs));
  if (options.engine == "all")
    sink("spin, which takes a whole processor as it never waits, runs only where it is named.\n");
  if (options.watches()) sink(report::calls_table(runs));
  for (const report::Run& run : runs) sink(run.task_calls);
}

}  // namespace

bool is_file(const std::string& path) { return !path.empty() && path != "-"; }

void check_distinct(const GetOptions& options) {
  const bool both = !options.output.empty() && !options.report_file.empty();
  if (both && are_one_file(options.output, options.report_file))
    throw base::UsageError("--output and --report-file are one file", options.report_file);
}

Files::Files(const GetOptions& options)
    : report(options.report_file == "-" ? cli::write_standard_output : cli::write_standard_error) {
  check_distinct(options);
  base::with_remedy(base::path_remedy, [&] {
    if (is_file(options.output)) poems = sink_to(options.output, *this);
    if (is_file(options.report_file)) report = sink_to(options.report_file, *this);
    if (!options.output_dir.empty()) output::prepare_directory(options.output_dir);
    if (is_file(options.timeline_svg)) cli::check_replaceable(options.timeline_svg);
    nowhere = sink_to("/dev/null", *this);
  });
}

void Files::close() {
  for (auto& [path, file] : opened)
    if (!file.close()) base::throw_errno("write to", path);
}

void tell_results(const GetOptions& options, std::span<const report::Run> runs,
                  report::Engines engines, const output::Sink& sink, bool draws) {
  if (!options.quiet) tell_remedies(runs);
  if (draws && options.timeline != "false") {
    cli::write_standard_error(
        report::draw_timeline(runs, {base::preferred_width(STDERR_FILENO), base::terminal_glyphs(),
                                     base::terminal_colours(STDERR_FILENO)}));
  }
  tell_report(options, runs, engines, sink);
  if (options.timeline_svg.empty()) return;
  const auto motion = options.animate ? report::Motion::yes : report::Motion::no;
  const auto picture = report::svg_timeline(runs, motion);
  if (options.timeline_svg == "-") return cli::write_standard_output(picture);
  cli::replace_file(options.timeline_svg, picture);
}

int status_of(std::span<const report::Run> runs) {
  std::size_t fetched = 0;
  std::size_t failed = 0;
  for (const report::Run& run : runs) {
    if (std::ranges::count(run.records, fetch::Outcome::interrupted, &fetch::Record::outcome) > 0)
      return cli::exit_interrupted;
    const report::Totals totals = report::totals_of(run);
    fetched += totals.fetched;
    failed += totals.failed;
  }
  if (failed == 0) return cli::exit_ok;
  return fetched == 0 ? cli::exit_none : cli::exit_failure;
}

}  // namespace poetry::get
