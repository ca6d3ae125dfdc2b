#include "report/time_scale.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace poetry::get::report {
namespace {

using namespace std::chrono_literals;

/// In which every multiple of `step` up to `whole` is short.
struct Unit {
  base::Duration length;
  const char* name;
};

Unit unit_for(base::Duration step, base::Duration whole) {
  if (step >= 1h) return {1h, "h"};
  if (step >= 1min) return {1min, "min"};
  if (whole >= 1s) return {1s, "s"};
  if (whole >= 1ms) return {1ms, "ms"};
  return {1us, "µs"};
}

std::string in_unit(base::Duration time, const Unit& unit) {
  return fmt::format("{:g} {}", base::seconds(time) / base::seconds(unit.length), unit.name);
}

}  // namespace

base::Duration round_up(base::Duration min) {
  for (std::int64_t power = 1; power < 1'000'000'000; power *= 10) {
    for (const int factor : {1, 2, 5}) {
      if (std::chrono::nanoseconds(factor * power) >= min) {
        return std::chrono::nanoseconds(factor * power);
      }
    }
  }
  constexpr std::array<base::Duration, 16> beyond{1s,   2s,    5s,    10s,   20s, 30s, 1min, 2min,
                                                  5min, 10min, 20min, 30min, 1h,  2h,  5h,   12h};
  const auto found = std::lower_bound(beyond.begin(), beyond.end(), min);
  if (found != beyond.end()) return *found;
  base::Duration step = 24h;
  while (step < min) step *= 2;
  return step;
}

std::string round_text(base::Duration time) { return in_unit(time, unit_for(time, time)); }

std::vector<Tick> ticks_of(base::Duration whole, std::size_t max) {
  if (whole <= base::Duration::zero()) return {{base::Duration::zero(), "0 s"}};
  const auto steps = static_cast<base::Duration::rep>(max - 1);
  const base::Duration step = round_up((whole + base::Duration(steps - 1)) / steps);
  const Unit unit = unit_for(step, whole);
  std::vector<Tick> ticks;
  for (base::Duration at{}; at <= whole; at += step) ticks.push_back({at, in_unit(at, unit)});
  return ticks;
}

}  // namespace poetry::get::report
