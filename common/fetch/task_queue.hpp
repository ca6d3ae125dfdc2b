// Which tasks of a batch have not begun, how many run, and what became of those that are over.
// Owned by a strategy for one run; knows neither sockets nor time.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <system_error>

#include "fetch/strategy.hpp"

namespace poetry::fetch {

class TaskQueue {
 public:
  /// Borrows both.
  TaskQueue(const Batch& batch, Observer& observer);

  /// The next task to begin; none where no more may run at once, or none is left.
  std::optional<std::size_t> begin();
  /// The fetch is over: keeps its record, and tells the observer.
  void finish(Fetch& fetch);
  /// What the task takes is used up, as `error` says (descriptors, threads, local ports): it begins
  /// anew when another has ended, and no more run at once than do without it, which is logged once.
  void put_back(std::size_t task, std::error_code error);
  /// Whether no more than one task runs, so that no other would give back what it takes.
  [[nodiscard]] bool alone() const { return running_ < 2; }
  /// What has not begun never will.
  void interrupt();

  /// Whether no task runs, nor waits to begin.
  [[nodiscard]] bool empty() const { return waiting_.empty() && running_ == 0; }
  /// What the run leaves. Call it once, at the end.
  Result take(std::uint64_t wakeups);

 private:
  const Batch& batch_;
  Observer& observer_;
  std::deque<std::size_t> waiting_;
  std::size_t max_;
  std::size_t running_ = 0;
  bool lowered_ = false;
  Result result_;
};

}  // namespace poetry::fetch
