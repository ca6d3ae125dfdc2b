// Wakes all threads that wait in poll(2), through one descriptor for them all. The thread that owns
// it notifies; it outlives those that wait.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.hpp"

namespace poetry::engine {

class Wakeup {
 public:
  /// Raises std::system_error.
  Wakeup();

  /// A descriptor that becomes readable with the next notify_all() and stays so; take another one
  /// then. A thread that looks for what has changed after this call misses nothing. In any thread.
  [[nodiscard]] std::shared_ptr<const base::Fd> descriptor() const;

  /// Wakes all that wait. False where that takes a further descriptor and none is to be had.
  [[nodiscard]] bool notify_all();
  /// Wakes all that wait now or later. Takes no descriptor and cannot fail.
  void notify_for_good();

 private:
  std::shared_ptr<base::Fd> take_unused();

  mutable std::mutex mutex_;
  std::shared_ptr<base::Fd> current_;
  /// Those that were notified, until the last thread has let go. No more than there are threads
  /// that have not woken yet, and one.
  std::vector<std::shared_ptr<base::Fd>> spent_;
};

}  // namespace poetry::engine
