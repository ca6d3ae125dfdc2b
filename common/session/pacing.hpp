// When the pieces of a paced stream are due. Piece k, from 0, is due at start + first_delay +
// k x delay: each time is absolute, so that lateness never adds up. With jitter each of them moves
// by a random amount that follows from the connection's seed and k alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "base/seed.hpp"

namespace poetry::session {

/// How a stream is paced.
struct Pacing {
  base::Duration delay = std::chrono::seconds(1);
  base::Duration first_delay{0};
  base::Duration jitter{0};     ///< each due time moves by a seeded uniform amount in +-jitter
  std::uint64_t chunk = 0;      ///< bytes at a time; 0 is a line
  std::uint64_t repeat = 1;     ///< of a poem: times over; 0 is forever
  std::uint64_t rate = 0;       ///< bytes a second, in place of delay and chunk; 0: by these
  base::Duration duration{0};   ///< of one round of a poem, in place of delay; 0: by that
  std::uint64_t per_delay = 1;  ///< pieces in a delay; more than one as paced_as() finds

  bool operator==(const Pacing&) const = default;
};

/// The same with the delay and chunk that its rate or duration comes to. `pieces` are those of a
/// round, as pacing.chunk has them. At a rate, pieces are a hundredth of a second apart, but for
/// the slowest, which go byte by byte, and the fastest, which go by the MiB.
inline Pacing paced_as(Pacing pacing, std::uint64_t pieces) {
  if (pacing.rate != 0) {
    pacing.chunk = std::clamp<std::uint64_t>(pacing.rate / 100, 1, std::uint64_t{1} << 20);
    pacing.delay = std::chrono::seconds(pacing.chunk);
    pacing.per_delay = pacing.rate;
  } else if (pacing.duration != base::Duration{0}) {
    pacing.delay = pacing.duration;
    pacing.per_delay = std::max<std::uint64_t>(pieces, 1);
  }
  return pacing;
}

/// When piece `k` is due, but for jitter; `never` where that leaves the clock's range.
inline base::TimePoint due_at(base::TimePoint first, const Pacing& pacing, std::uint64_t k) {
  if (pacing.per_delay == 1) return base::later(first, pacing.delay, k);
  const auto rounds = base::later(first, pacing.delay, k / pacing.per_delay);
  __extension__ using Wide = unsigned __int128;
  const auto part = Wide{k % pacing.per_delay} * static_cast<std::uint64_t>(pacing.delay.count()) /
                    pacing.per_delay;
  return base::later(rounds, base::Duration(static_cast<base::Duration::rep>(part)));
}

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
