// Round times for the axes and legends of pictures. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace poetry::get::report {

/// The least of 1, 2 and 5 times a power of ten, of a second and below, and of what clocks show
/// above it (10, 20, 30 s; 1, 2, 5 min ...), that is `least` or longer.
base::Duration round_up(base::Duration min);

/// "100 ms", "2 min", "5 µs"; exact for round times.
std::string round_text(base::Duration time);

struct Tick {
  base::Duration at{};
  std::string label;
};

/// Round times from 0 up to `whole`, all with one unit; no more than `most` of them, which are 2 at
/// least.
std::vector<Tick> ticks_of(base::Duration whole, std::size_t max);

}  // namespace poetry::get::report
