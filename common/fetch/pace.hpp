// When tasks may connect, and when a broken one may again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "base/clock.hpp"
#include "base/seed.hpp"

namespace poetry::fetch {

/// How often tasks may connect. Shared by the tasks of a batch; any thread may call it.
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

/// The delay doubles no further than to this, or to the first delay where that is longer: a server
/// that comes back after an outage of hours is then found within minutes.
inline constexpr base::Duration longest_doubled_delay = std::chrono::minutes(1);

/// Whether delays double.
enum class Backoff { constant, exponential };

/// The delay before the retry of this number, from 0: `first`, doubled with each retry, and longer
/// by a random part of up to half of that, in whole milliseconds, so that tasks that broke together
/// do not come back together. Never shorter than `first`.
inline base::Duration retry_delay(base::Duration first, std::uint64_t retry, std::uint64_t seed,
                                  Backoff backoff = Backoff::exponential) {
  using std::chrono::milliseconds;
  const base::Duration max = std::max(first, longest_doubled_delay);
  base::Duration delay = first;
  // A delay of zero stays zero, however often it doubles.
  const auto doubled = backoff == Backoff::constant ? 0 : retry;
  for (auto left = doubled; left > 0 && delay < max && delay > base::Duration::zero(); --left)
    delay = std::min(2 * delay, max);
  const auto half = std::chrono::floor<milliseconds>(delay / 2);
  const auto extra = base::uniform(seed, retry) * static_cast<double>(half.count() + 1);
  return delay + milliseconds(static_cast<milliseconds::rep>(extra));
}

}  // namespace poetry::fetch
