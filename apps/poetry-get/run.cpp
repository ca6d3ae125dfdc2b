#include "run.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <optional>

#include "apart.hpp"
#include "base/error.hpp"
#include "base/shown_text.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "collector.hpp"
#include "fetch/strategy.hpp"
#include "net/signals.hpp"
#include "output/output.hpp"
#include "output/terminal_writer.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "server_list.hpp"
#include "trace.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_told_tasks = 20;  // tasks of which every event is told unasked

enum class Turn { first, later };

// The peak memory is that of the process, and stays. Not below nothing: the kernel divides a
// process's time into user's and system's by an estimate.
void deduct(report::Cost& cost, const report::Cost& part) {
  cost.cpu_user -= std::min(cost.cpu_user, part.cpu_user);
  cost.cpu_system -= std::min(cost.cpu_system, part.cpu_system);
  cost.context_switches -= std::min(cost.context_switches, part.context_switches);
}

/// What SIGINT and SIGTERM do: they end the tasks, and what is written after that has no more than
/// a second for each piece.
class Interruption {
 public:
  /// Until tasks_over().
  net::Signals& signals() { return signals_; }
  /// What is still to be written may meet a reader that has stopped: from here on a signal ends the
  /// process at once; where one has come already, a second without progress() does, with status
  /// 130.
  void tasks_over(bool interrupted) {
    hurries_ = interrupted;
    if (interrupted) {
      std::signal(SIGALRM, [](int) { ::_exit(cli::exit_interrupted); });
      progress();
    } else {
      signals_.let_act();
    }
  }
  /// Something could be written. Any thread may call it.
  void progress() const {
    const itimerval second{{}, {1, 0}};
    if (hurries_) ::setitimer(ITIMER_REAL, &second, nullptr);
  }
  /// How long poems and events that are left may take.
  [[nodiscard]] base::TimePoint last_chance() const {
    return hurries_ ? base::Clock::now() + std::chrono::milliseconds(300) : base::never;
  }

 private:
  net::Signals signals_{SIGINT, SIGTERM};
  std::atomic<bool> hurries_ = false;
};

/// One use of the tool: what was asked for, and what became of it.
class Job {
 public:
  explicit Job(const GetOptions& options)
      : options_(options),
        files_(options),
        terminal_(
            options.quiet && options.timeline != "live" ? output::Quiet::yes : output::Quiet::no,
            options.raw ? output::Raw::yes : output::Raw::no) {}

  int run(std::vector<fetch::Server> given, std::optional<std::string> send) {
    auto batch = plan_batch(options_, std::move(given), std::move(send), interruption_.signals());
    if (!batch) return cli::exit_interrupted;
    batch_ = std::move(*batch);
    if (engines_.size() == 1 && !options_.watches()) {
      runs_.push_back(run_engine(engines_.front(), Turn::first));
    } else {
      compare_engines();
      if (options_.watches()) watch_engines();
      interruption_.tasks_over(stopped_);
    }
    const auto engines = engines_.size() == 1 ? report::Engines::one : report::Engines::several;
    tell_results(options_, runs_, engines, renewing(files_.report), !shows_live());
    files_.close();
    return stopped_ ? cli::exit_interrupted : status_of(runs_);
  }

 private:
  // Of several engines the first prints. The others do the same work for nothing, so that their
  // figures tell of the same.
  void make_outputs(Turn turn) {
    const output::Sink print = [this](std::string_view bytes) { terminal_.print(bytes); };
    const auto where = [&](const output::Sink& sink) {
      return turn == Turn::first ? sink : files_.nowhere;
    };
    const auto attempts =
        batch_.fetch.retries == 0 ? output::Attempts::one : output::Attempts::several;
    const std::size_t tasks = batch_.servers.size();
    if (!options_.output_dir.empty()) {
      outputs_.push_back(output::make_directory_output(options_.output_dir, batch_.servers));
    } else if (!options_.output.empty() || options_.print == "ordered") {
      const output::Sink poems = is_file(options_.output) ? files_.poems : print;
      outputs_.push_back(output::make_ordered_output(where(poems), tasks, attempts));
    }
    if (options_.print == "live") outputs_.push_back(output::make_live_output(where(print)));
  }

  report::Run run_engine(const std::string& engine, Turn turn) {
    const report::Cost before = cost_of(RUSAGE_SELF);
    const std::size_t tasks = batch_.servers.size();
    const std::size_t max = batch_.parallel == 0 ? tasks : batch_.parallel;
    LiveTimeline timeline(engine, batch_.servers, scale_);
    auto* const live = shows_live() && !watched_ ? &timeline : nullptr;
    Progress progress(terminal_, tasks, engine == "sequential" ? 1 : max, live);
    make_outputs(turn);
    const auto log = task_log(engine);
    Collector collector(outputs_, events(), terminal_, progress, log.get(), live);
    batch_.fetch.has_room = [&collector](std::size_t task) { return collector.has_room(task); };
    if (watched_) Trace::mark_begin();
    fetch::Result result = fetch::find_strategy(engine)(batch_, collector, interruption_.signals());
    if (watched_) Trace::mark_end();
    stopped_ = result.interrupted;
    interruption_.tasks_over(stopped_);
    flush_outputs();
    if (log) log->flush();
    progress.stop();
    report::Run run;
    run.engine = engine;
    run.servers = batch_.servers;
    run.records = std::move(result.records);
    run.cost = cost_of(RUSAGE_SELF);
    deduct(run.cost, before);
    deduct(run.cost, progress.cost());
    run.cost.wakeups = result.wakeups;
    return run;
  }

  void flush_outputs() {
    const auto until = interruption_.last_chance();
    for (const auto& output : outputs_)
      if (!output->flush(until)) terminal_.tell("The rest of the poems is lost, as nobody read it");
    terminal_.flush_events(interruption_.last_chance());
  }

  // Onto a terminal the lines of a growing report go as events do.
  std::unique_ptr<TaskLog> task_log(const std::string& engine) {
    if (options_.report != "jsonl") return nullptr;
    const auto sink = options_.report_file.empty()
                          ? [this](std::string_view lines) { terminal_.put_lines(lines); }
                          : files_.report;
    return std::make_unique<TaskLog>(engine, batch_.servers, renewing(sink));
  }

  // Each piece has a second of its own.
  output::Sink renewing(output::Sink sink) const {
    return [this, sink = std::move(sink)](std::string_view piece) {
      interruption_.progress();
      sink(piece);
    };
  }

  // All processes are there before the first begins: each starts with the same memory, and none
  // with what an earlier engine left in this one.
  void compare_engines() {
    std::vector<std::unique_ptr<Apart>> processes;
    for (const auto& engine : engines_) {
      const auto turn = processes.empty() ? Turn::first : Turn::later;
      processes.push_back(std::make_unique<Apart>(work_of(engine, turn), processes));
    }
    for (std::size_t index = 0; index < engines_.size() && !stopped_; ++index) {
      if (events() != Events::none) cli::write_standard_error("Engine " + engines_[index] + ":\n");
      runs_.push_back(await(*processes[index], engines_[index]));
      stopped_ = processes[index]->signalled();
    }
  }

  [[nodiscard]] Apart::Work work_of(const std::string& engine, Turn turn) {
    return [this, &engine, turn](const output::Sink& answer) {
      auto run = run_engine(engine, turn);
      files_.close();
      pack(std::move(run), renewing(answer));
    };
  }

  // The figures are those of the runs before, which nobody slowed down.
  void watch_engines() {
    watched_ = true;
    for (report::Run& run : runs_) {
      if (stopped_) return;
      Apart process(work_of(run.engine, Turn::later));
      Trace trace(process.pid(), interruption_.signals());
      report::Run watched = await(process, run.engine);
      stopped_ = process.signalled();
      watched.calls = trace.take();
      report::count_calls(run, watched);
      if (options_.calls_of && !watched.records.empty())
        run.task_calls = report::calls_of_task(watched, *options_.calls_of - 1);
    }
  }

  report::Run await(Apart& process, const std::string& engine) {
    report::Run run;
    try {
      process.run(interruption_.signals(), unpack_into(run));
    } catch (const std::exception& error) {
      run = report::Run();  // not a part of it
      run.failure = error.what();
      cli::write_standard_error("poetry-get: engine " + engine + ": " + run.failure + "\n");
    }
    run.engine = engine;
    run.servers = batch_.servers;
    return run;
  }

  [[nodiscard]] bool shows_live() const {
    return options_.timeline == "live" && terminal_.shows_progress();
  }

  [[nodiscard]] Events events() const {
    if (options_.quiet || watched_) return Events::none;
    const bool all = options_.verbose || batch_.servers.size() <= max_told_tasks;
    return all ? Events::all : Events::failures;
  }

  const GetOptions& options_;
  std::vector<std::string> engines_ = engines_of(options_.engine);
  Files files_;
  fetch::Batch batch_;
  Interruption interruption_;
  output::TerminalWriter terminal_;
  std::vector<std::unique_ptr<output::Output>> outputs_;  // of the engine that runs
  bool stopped_ = false;                                  // by a signal
  bool watched_ = false;                                  // by strace, from now on
  SharedScale scale_;
  std::vector<report::Run> runs_;
};

}  // namespace

// Lists and texts are read before the job takes the signals: a pipe may give none for long.
int run_get(const GetOptions& options) {
  auto servers = listed_servers(options);
  auto send = read_send(options);
  if (servers.empty() && !options.catalog) throw base::UsageError("no server given", "[HOST:]PORT");
  if (options.watches()) Trace::require();
  try {
    return Job(options).run(std::move(servers), std::move(send));
  } catch (const CatalogError& error) {
    cli::write_standard_error("poetry-get: " + base::shown_utf8(error.what()) + "\n");
    return cli::exit_none;
  }
}

}  // namespace poetry::get
