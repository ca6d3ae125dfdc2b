// Takes what a strategy's tasks receive to the outputs, and tells their events on standard error.
// Owned by one run of one engine.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/quantity.hpp"
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
  /// Borrows all of them; `log` and `live` may be null.
  Collector(std::span<const std::unique_ptr<output::Output>> outputs, Events events,
            output::TerminalWriter& screen, Progress& progress, TaskLog* log, LiveTimeline* live)
      : outputs_(outputs),
        events_(events),
        terminal_(screen),
        progress_(progress),
        log_(log),
        live_(live) {}

  void began(std::size_t task, base::TimePoint now) override {
    if (live_ != nullptr) live_->began(task, now);
  }

  std::string received(std::size_t task, const fetch::Record& record,
                       std::string_view bytes) override {
    progress_.received(bytes.size());
    if (live_ != nullptr) live_->changed(task, record);
    if (events_ == Events::all) {
      tell(fmt::format("Task {}: got {} bytes of poetry from {}", task + 1, bytes.size(),
                       net::to_string(*record.address)));
    }
    try {
      for (const auto& output : outputs_) output->write(task, bytes);
    } catch (const output::TaskOutputError& error) {
      return error.what();
    }
    return {};
  }

  void retrying(std::size_t task, const fetch::Record& record, base::Duration delay) override {
    progress_.discarded(record.bytes);
    if (live_ != nullptr) live_->changed(task, broken(record));
    if (events_ == Events::all) {
      tell(fmt::format("Task {} starts over in {}{}: {}", task + 1, base::format_duration(delay),
                       record.bytes == 0 ? "" : ", what it got is void", record.error));
    }
    for (const auto& output : outputs_) output->discard(task);
  }

  void ended(std::size_t task, fetch::Record& record) override {
    try {
      for (const auto& output : outputs_) output->end(task, record.outcome);
    } catch (const output::TaskOutputError& error) {
      record.outcome = fetch::Outcome::output;
      record.sha256.reset();
      record.error = (record.address ? net::to_string(*record.address) : "") + ": " + error.what();
    }
    progress_.ended(record.outcome);
    if (log_ != nullptr) log_->ended(task, record);
    if (live_ != nullptr) live_->ended(task, record);
    const bool failed = record.outcome != fetch::Outcome::ok;
    const bool begun = record.started != base::never;  // a signal may end thousands that have not
    if (events_ != Events::all && (events_ == Events::none || !failed || !begun)) return;
    tell(failed ? fmt::format("Task {} failed: {}", task + 1, record.error)
                : fmt::format("Task {} finished", task + 1));
  }

  /// Whether more of the task can be taken now. Any thread may ask.
  bool has_room(std::size_t task) {
    return std::ranges::all_of(outputs_, [task](const auto& each) { return each->has_room(task); });
  }

 private:
  // As a task that waits for its next attempt is drawn.
  static fetch::Record broken(fetch::Record record) {
    record.attempted = base::never;
    return record;
  }

  // Where both go to the same place, each stands where it came: the bytes before it are written
  // first, and it before the bytes that follow.
  void tell(const std::string& event) {
    if (terminal_.mixes()) unread_ = !flushed();
    terminal_.tell(event);
    if (terminal_.mixes()) unread_ = !flushed();
  }

  // A reader that has stopped is waited for once.
  [[nodiscard]] bool flushed() {
    constexpr base::Duration patience = std::chrono::milliseconds(20);
    const auto until = base::Clock::now() + (unread_ ? base::Duration::zero() : patience);
    return terminal_.flush_events(until) &&
           std::ranges::all_of(outputs_, [until](const auto& each) { return each->flush(until); });
  }

  std::span<const std::unique_ptr<output::Output>> outputs_;
  Events events_;
  output::TerminalWriter& terminal_;
  Progress& progress_;
  TaskLog* log_;
  LiveTimeline* live_;
  bool unread_ = false;  // what was to be flushed last
};

}  // namespace poetry::get
