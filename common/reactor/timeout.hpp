// A wait's time limit in the form of the system calls, rounded up to their clock.
#pragma once

#include <ctime>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <thread>

#include "base/error.hpp"
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

/// Waits by ppoll(2) until then, or for nothing else but the descriptors; returns what it returns.
/// `mask` is of the signals meanwhile; null: as it is.
inline int poll_until(std::span<pollfd> polled, base::TimePoint until,
                      base::TimePoint now = base::Clock::now(), const sigset_t* mask = nullptr) {
  const auto limit = to_timespec(time_left(until, now));
  return ::ppoll(polled.data(), polled.size(), limit ? &*limit : nullptr, mask);
}

/// After a wait that failed: a signal came, or the kernel had no memory for the list, which is
/// given a moment. Raises std::system_error for any other reason.
inline void take_failed_wait(std::string_view target) {
  if (errno == ENOMEM) return std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (errno != EINTR) base::throw_errno("wait for", target);
}

}  // namespace poetry::reactor
