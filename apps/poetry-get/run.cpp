#include "run.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/error.hpp"
#include "base/terminal.hpp"
#include "cli/main.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "collector.hpp"
#include "engine_process.hpp"
#include "fetch/output.hpp"
#include "fetch/report.hpp"
#include "fetch/strategy.hpp"
#include "fetch/timeline.hpp"
#include "net/descriptor_limit.hpp"
#include "net/signals.hpp"
#include "progress.hpp"
#include "screen.hpp"

namespace poetry {
namespace {

constexpr std::size_t most_told = 20;  // tasks of which every event is told unasked
// Standard streams, files, signals, the spool; and the sockets of name lookups, most of these.
constexpr std::uint64_t other_descriptors = 96;

/// One use of the tool: what was asked for, and the files that it writes.
class Job {
 public:
  explicit Job(const GetOptions& options);
  int run();

 private:
  Run run_engine(const std::string& engine, std::vector<std::unique_ptr<Output>> outputs);
  std::vector<std::unique_ptr<Output>> make_outputs();
  void bound_parallel();
  void report();
  [[nodiscard]] Events events() const;
  [[nodiscard]] int status() const;

  const GetOptions& options_;
  std::vector<std::string> engines_;
  Batch batch_;
  Fd output_;
  Fd report_file_;
  Signals signals_{SIGINT, SIGTERM};
  Screen screen_;
  std::vector<Run> runs_;
};

Fd open_for_writing(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) throw_errno("write to", path);
  return file;
}

void write_standard_error(const std::string& text) {
  write_all(STDERR_FILENO, text, "standard error");
}

Duration duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Not getrusage(2)'s ru_maxrss, which starts with what the process that called exec had used.
std::uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

Cost cost_so_far() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  Cost cost;
  cost.cpu_user = duration_of(usage.ru_utime);
  cost.cpu_system = duration_of(usage.ru_stime);
  cost.context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
  cost.max_rss_kib = peak_memory_kib();
  return cost;
}

bool interrupted(const Run& run) {
  return std::any_of(run.records.begin(), run.records.end(),
                     [](const Record& record) { return record.outcome == Outcome::interrupted; });
}

Job::Job(const GetOptions& options)
    : options_(options),
      engines_(engines_of(options.engine)),
      screen_(options.quiet ? Quiet::yes : Quiet::no) {
  batch_.servers = servers_of(options);
  batch_.fetch = options.fetch;
  batch_.fetch.send = read_send(options);
  batch_.fetch.after_send = options.hold ? AfterSend::hold : AfterSend::half_close;
  batch_.family = options.ipv4 ? Family::ipv4 : options.ipv6 ? Family::ipv6 : Family::any;
  batch_.parallel = options.parallel;
  bound_parallel();
  if (!options.output.empty()) output_ = open_for_writing(options.output);
  if (!options.report_file.empty()) report_file_ = open_for_writing(options.report_file);
  if (!options.timeline_svg.empty()) check_replaceable(options.timeline_svg);
}

// Each task in flight needs a descriptor.
void Job::bound_parallel() {
  const std::uint64_t limit = raise_descriptor_limit();
  const std::uint64_t room = limit > 2 * other_descriptors ? limit - other_descriptors : limit / 2;
  if (batch_.parallel > room) {
    spdlog::warn("--parallel {} is more than {} open files (ulimit -n) allow: {} tasks at once",
                 batch_.parallel, limit, room);
  }
  if (batch_.parallel == 0 || batch_.parallel > room) batch_.parallel = room;
}

std::vector<std::unique_ptr<Output>> Job::make_outputs() {
  std::vector<std::unique_ptr<Output>> outputs;
  const std::size_t tasks = batch_.servers.size();
  const auto print = [this](std::string_view bytes) { screen_.print(bytes); };
  const auto attempts = batch_.fetch.retries == 0 ? Attempts::one : Attempts::several;
  if (!options_.output_dir.empty()) {
    outputs.push_back(make_directory_output(options_.output_dir, batch_.servers));
  } else if (output_) {
    const auto sink = [this](std::string_view bytes) {
      write_all(output_.get(), bytes, options_.output);
    };
    outputs.push_back(make_ordered_output(sink, tasks, attempts));
  } else if (options_.print == "ordered") {
    outputs.push_back(make_ordered_output(print, tasks, attempts));
  }
  if (options_.print == "live") {
    outputs.push_back(make_live_output(print, tasks));
  }
  return outputs;
}

Events Job::events() const {
  if (options_.quiet) return Events::none;
  const bool all = options_.verbose || batch_.servers.size() <= most_told;
  return all ? Events::all : Events::failures;
}

Run Job::run_engine(const std::string& engine, std::vector<std::unique_ptr<Output>> outputs) {
  const bool digests = options_.report == "json" || options_.report == "csv";
  const std::size_t tasks = batch_.servers.size();
  const std::size_t most = batch_.parallel == 0 ? tasks : batch_.parallel;
  Progress progress(screen_, tasks, engine == "sequential" ? 1 : most);
  Collector collector(std::move(outputs), tasks, events(), digests ? Digests::yes : Digests::no,
                      screen_, progress);
  Result result = make_strategy(engine)->run(batch_, collector, signals_);
  progress.stop();
  Run run;
  run.engine = engine;
  run.records = std::move(result.records);
  run.sha256 = collector.take_sha256();
  run.cost = cost_so_far();
  progress.deduct_from(run.cost);
  run.cost.wakeups = result.wakeups;
  return run;
}

int Job::run() {
  auto outputs = make_outputs();
  for (const auto& engine : engines_) {
    // The poems are printed once, by the first engine; the vector is empty for the others.
    const auto body = [&] { return run_engine(engine, std::move(outputs)); };
    if (engines_.size() > 1) {
      if (events() != Events::none) write_standard_error("Engine " + engine + ":\n");
      runs_.push_back(run_apart(body, signals_));
      outputs.clear();  // the child had a copy
    } else {
      runs_.push_back(body());
    }
    runs_.back().servers = batch_.servers;
    if (interrupted(runs_.back())) break;
  }
  report();
  return status();
}

void Job::report() {
  if (options_.timeline) {
    write_standard_error(draw_timeline(runs_, {preferred_width(STDERR_FILENO), terminal_glyphs(),
                                               terminal_colours(STDERR_FILENO)}));
  }
  std::string text;
  if (options_.report == "json") text = json_report(runs_);
  if (options_.report == "csv") text = csv_report(runs_);
  if (options_.report == "text") {
    for (const Run& run : runs_) {
      if (engines_.size() > 1) text += "Engine " + run.engine + ":\n";
      text += text_report(run);
    }
    if (runs_.size() > 1) text += comparison(runs_);
  }
  if (report_file_) {
    write_all(report_file_.get(), text, options_.report_file);
  } else {
    write_standard_error(text);
  }
  if (!options_.timeline_svg.empty()) replace_file(options_.timeline_svg, svg_timeline(runs_));
}

int Job::status() const {
  std::size_t fetched = 0;
  std::size_t failed = 0;
  for (const Run& run : runs_) {
    if (interrupted(run)) return exit_interrupted;
    const Totals totals = totals_of(run);
    fetched += totals.fetched;
    failed += totals.failed;
  }
  if (failed == 0) return exit_ok;
  return fetched == 0 ? exit_none : exit_failure;
}

}  // namespace

int run_get(const GetOptions& options) { return Job(options).run(); }

}  // namespace poetry
