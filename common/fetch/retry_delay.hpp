// How long to wait before a task is tried again.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace poetry::fetch {

/// The delay doubles no further than to this, or to the first delay where that is longer: a server
/// that comes back after an outage of hours is then found within minutes.
inline constexpr base::Duration longest_doubled_delay = std::chrono::minutes(1);

/// Whether delays double.
enum class Backoff { constant, exponential };

/// The delay before the retry of this number, from 0: `first`, doubled with each retry, and longer
/// by a random part of up to half of that, in whole milliseconds, so that tasks that broke together
/// do not come back together. Never shorter than `first`.
base::Duration retry_delay(base::Duration first, std::uint64_t retry, std::uint64_t seed,
                           Backoff backoff = Backoff::exponential);

}  // namespace poetry::fetch
