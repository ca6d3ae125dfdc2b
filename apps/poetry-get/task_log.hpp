// The report that grows as tasks end: a line of JSON each. Owned by one run of one engine.
#pragma once

#include <string>
#include <utility>

#include "output/background_writer.hpp"
#include "report/report.hpp"

namespace poetry::get {

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

}  // namespace poetry::get
