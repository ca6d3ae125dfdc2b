// Takes what a strategy's tasks receive to the outputs, and tells their events on standard error.
// Owned by one run of one engine.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "fetch/strategy.hpp"
#include "output/background_writer.hpp"
#include "output/output.hpp"
#include "output/terminal_writer.hpp"
#include "progress.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// The report that grows as tasks end: a line of JSON each. Owned by one run of one engine.
class TaskLog {
 public:
  /// Times are told from now on.
  TaskLog(std::string engine, fetch::Servers servers, output::Sink sink)
      : engine_(std::move(engine)),
        servers_(std::move(servers)),
        writer_([this] { return std::exchange(lines_, {}); }, std::move(sink)) {}

  /// Raises what the sink has raised, which is called in a thread of its own.
  void ended(std::size_t task, const fetch::Record& record) {
    const auto line = report::json_line(engine_, servers_, task, record, start_);
    writer_.wake_after([&] { lines_ += line; });
  }
  /// Waits until all lines are written. Raises as ended() does.
  void flush() { writer_.flush(); }

 private:
  const std::string engine_;
  const fetch::Servers servers_;
  const base::TimePoint start_ = base::Clock::now();
  std::string lines_;  // not written yet; guarded by the writer's mutex
  output::BackgroundWriter writer_;
};

enum class Events { none, failures, all };

class Collector final : public fetch::Observer {
 public:
  /// Borrows all of them; `log` may be null.
  Collector(std::span<const std::unique_ptr<output::Output>> outputs, Events events,
            output::TerminalWriter& screen, Progress& progress, TaskLog* log)
      : outputs_(outputs), events_(events), terminal_(screen), progress_(progress), log_(log) {}

  std::string received(std::size_t task, const fetch::Record& record,
                       std::string_view bytes) override;
  void retrying(std::size_t task, const fetch::Record& record, base::Duration delay) override;
  void ended(std::size_t task, fetch::Record& record) override;

  /// Whether more of the task can be taken now. Any thread may ask.
  bool has_room(std::size_t task);

 private:
  void tell(const std::string& event);
  [[nodiscard]] bool flushed();

  std::span<const std::unique_ptr<output::Output>> outputs_;
  Events events_;
  output::TerminalWriter& terminal_;
  Progress& progress_;
  TaskLog* log_;
  bool unread_ = false;  // what was to be flushed last
};

}  // namespace poetry::get
