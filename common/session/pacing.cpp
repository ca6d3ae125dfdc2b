#include "session/pacing.hpp"

#include "base/seed.hpp"

namespace poetry::session {

base::TimePoint jittered(base::TimePoint due, base::Duration jitter, std::uint64_t seed,
                         std::uint64_t k) {
  if (due == base::never) return base::never;
  const auto part = 2 * base::uniform(seed, k) - 1;
  const base::Duration by(
      static_cast<base::Duration::rep>(part * static_cast<double>(jitter.count())));
  return by < base::Duration{0} ? due + by : base::later(due, by);
}

}  // namespace poetry::session
