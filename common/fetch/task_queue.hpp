// Which tasks of a batch have not begun, how many run, and what became of those that are over.
// Owned by a strategy for one run; knows no sockets.
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

  /// The next task to begin; none where no more may run at once, none is left, or its turn has not
  /// come.
  std::optional<std::size_t> begin(base::TimePoint now);
  /// The turn of the next task; `never` where it does not wait for one.
  [[nodiscard]] base::TimePoint next_turn() const { return running_ < max_ ? turn_ : base::never; }
  /// The fetch is over: keeps its record, and tells the observer.
  void finish(Fetch& fetch);
  /// What the task takes is used up, as `error` says (descriptors, threads, local ports): it begins
  /// anew when another has ended, and no more run at once than do without it, which is logged once.
  void put_back(std::size_t task, std::error_code error);
  /// Whether no more than one task runs, so that no other would give back what it takes.
  [[nodiscard]] bool alone() const { return running_ < 2; }
  /// What has not begun never will. The result tells of it.
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
  base::TimePoint turn_ = base::never;
  Result result_;
};

}  // namespace poetry::fetch
