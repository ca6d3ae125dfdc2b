#include "fetch/retry_delay.hpp"

#include <algorithm>

#include "base/seed.hpp"

namespace poetry::fetch {

base::Duration retry_delay(base::Duration first, std::uint64_t retry, std::uint64_t seed,
                           Backoff backoff) {
  using std::chrono::milliseconds;
  const base::Duration max = std::max(first, longest_doubled_delay);
  base::Duration delay = first;
  // A delay of zero stays zero, however often it doubles.
  const auto doubled = backoff == Backoff::constant ? 0 : retry;
  for (auto left = doubled; left > 0 && delay < max && delay > base::Duration::zero(); --left) {
    delay = std::min(2 * delay, max);
  }
  const auto half = std::chrono::floor<milliseconds>(delay / 2);
  const auto extra = base::uniform(seed, retry) * static_cast<double>(half.count() + 1);
  return delay + milliseconds(static_cast<milliseconds::rep>(extra));
}

}  // namespace poetry::fetch
