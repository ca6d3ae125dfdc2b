// When a test in virtual time begins: far from the clock's zero, so that nothing is right by chance.
#pragma once

#include "base/clock.hpp"

namespace poetry {

inline constexpr TimePoint epoch{std::chrono::hours(5)};

}  // namespace poetry
