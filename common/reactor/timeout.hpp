// A wait's time limit in the form of the system calls, rounded up to their clock.
#pragma once

#include <ctime>

#include <algorithm>
#include <optional>

#include "reactor/multiplexer.hpp"

namespace poetry::reactor {

/// Keeps every limit in every kernel's range; a wait that ends so early is repeated by its loop.
inline constexpr std::chrono::hours longest_wait{24 * 365};

/// From `now` on; zero where that has passed.
inline base::Duration time_left(base::TimePoint until, base::TimePoint now) {
  return until == base::never ? forever : std::max(until, now) - now;
}

/// For ppoll(2) and epoll_pwait2(2), exact; nothing where the wait has no end.
inline std::optional<timespec> to_timespec(base::Duration timeout) {
  if (timeout == forever) return std::nullopt;
  const auto nanos = std::chrono::nanoseconds(
                         std::clamp<base::Duration>(timeout, base::Duration::zero(), longest_wait))
                         .count();
  return timespec{nanos / 1'000'000'000, nanos % 1'000'000'000};
}

}  // namespace poetry::reactor
