// When the pieces of a paced stream are due. Piece k, from 0, is due at start + first_delay +
// k x delay: each time is absolute, so that lateness never adds up. With jitter each of them moves
// by a random amount that follows from the connection's seed and k alone.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/seed.hpp"

namespace poetry::session {

/// How a stream is paced.
struct Pacing {
  base::Duration delay = std::chrono::seconds(1);
  base::Duration first_delay{0};
  base::Duration jitter{0};  ///< each due time moves by a seeded uniform amount in +-jitter
  std::uint64_t chunk = 0;   ///< bytes at a time; 0 is a line
  std::uint64_t repeat = 1;  ///< of a poem: times over; 0 is forever

  bool operator==(const Pacing&) const = default;
};

/// `due`, of piece `k`, as jitter moves it; `never` where that leaves the clock's range. It may be
/// before the start or the piece before it: that is then sent at once, so that the order is kept.
/// `seed` is derived for Purpose::jitter.
inline base::TimePoint jittered(base::TimePoint due, base::Duration jitter, std::uint64_t seed,
                                std::uint64_t k) {
  if (due == base::never) return base::never;
  const auto part = 2 * base::uniform(seed, k) - 1;
  const base::Duration by(
      static_cast<base::Duration::rep>(part * static_cast<double>(jitter.count())));
  return by < base::Duration{0} ? due + by : base::later(due, by);
}

}  // namespace poetry::session
