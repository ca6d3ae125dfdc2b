// Wakes all threads that wait in poll(2), through one descriptor for them all. Rung by the thread
// that owns it; outlives those that listen.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.hpp"

namespace poetry::engine {

class Bell {
 public:
  /// Raises std::system_error.
  Bell();

  /// A descriptor that becomes readable with the next ring() and stays so; take another one then.
  /// Whoever looks for the reason of a ring after this call misses none. In any thread.
  [[nodiscard]] std::shared_ptr<const base::Fd> listen() const;

  /// Wakes all who listen. False where that takes a further descriptor and none is to be had.
  [[nodiscard]] bool ring();
  /// Wakes all who listen now or later. Takes no descriptor and cannot fail.
  void ring_for_good();

 private:
  std::shared_ptr<base::Fd> take_silent();

  mutable std::mutex mutex_;
  std::shared_ptr<base::Fd> current_;
  /// Those that were rung, until the last listener has let go. No more than there are listeners
  /// who have not woken yet, and one.
  std::vector<std::shared_ptr<base::Fd>> spent_;
};

}  // namespace poetry::engine
