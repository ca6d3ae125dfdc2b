#include "session/pacing.hpp"

#include "base/seed.hpp"

namespace poetry {

TimePoint jittered(TimePoint due, Duration jitter, std::uint64_t seed, std::uint64_t k) {
  if (due == never) return never;
  const auto part = 2 * uniform(seed, k) - 1;
  const Duration by(static_cast<Duration::rep>(part * static_cast<double>(jitter.count())));
  return by < Duration{0} ? due + by : later(due, by);
}

}  // namespace poetry
