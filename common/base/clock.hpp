// The clock types of the whole project. Time comes in as a parameter: only engines, strategies
// and mains call Clock::now(), so that sessions and fetches can be tested in virtual time.
#pragma once

#include <chrono>
#include <cstdint>

namespace poetry::base {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// A deadline that does not come.
inline constexpr TimePoint never = TimePoint::max();

/// `start + by`, or `never` where the sum leaves the clock's range. Neither may be negative.
constexpr TimePoint later(TimePoint start, Duration by) {
  return by > never - start ? never : start + by;
}

/// `times` steps of `step` after `start`, or `never` where that leaves the clock's range.
constexpr TimePoint later(TimePoint start, Duration step, std::uint64_t times) {
  Duration::rep by = 0;
  if (times > static_cast<std::uint64_t>(Duration::max().count()) ||
      __builtin_mul_overflow(step.count(), static_cast<Duration::rep>(times), &by)) {
    return never;
  }
  return later(start, Duration{by});
}

/// A duration in seconds, for reports.
constexpr double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace poetry::base
