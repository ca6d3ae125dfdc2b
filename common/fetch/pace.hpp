// How often tasks may connect. Shared by the tasks of a batch; any thread may call it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "base/clock.hpp"

namespace poetry::fetch {

class Pace {
 public:
  /// 1 to 1,000,000,000.
  explicit Pace(std::uint64_t connects_a_second)
      : step_(std::chrono::nanoseconds(1'000'000'000 / connects_a_second)) {}

  /// The next turn to connect, which is the caller's: `now` or later. Turns are a step apart. One
  /// that was missed by up to 50 ms, as a timer may be off, is made up for; a longer pause is not.
  base::TimePoint reserve(base::TimePoint now) {
    const std::lock_guard lock(mutex_);
    const base::TimePoint turn = next_ < now - slack ? now : next_;
    next_ = base::later(turn, step_);
    return std::max(turn, now);
  }

 private:
  static constexpr base::Duration slack = std::chrono::milliseconds(50);

  const base::Duration step_;
  std::mutex mutex_;
  base::TimePoint next_{};
};

}  // namespace poetry::fetch
