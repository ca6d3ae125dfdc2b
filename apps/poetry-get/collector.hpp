// Takes what a strategy's tasks receive to the outputs, and tells their events on standard error.
// Owned by one run of one engine.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "fetch/strategy.hpp"
#include "output/output.hpp"
#include "output/terminal_writer.hpp"
#include "progress.hpp"
#include "task_log.hpp"

namespace poetry::get {

enum class Events { none, failures, all };

class Collector final : public fetch::Observer {
 public:
  /// Borrows all of them; `log` may be null.
  Collector(std::span<const std::unique_ptr<output::Output>> outputs, Events events,
            output::TerminalWriter& screen, Progress& progress, TaskLog* log);

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
