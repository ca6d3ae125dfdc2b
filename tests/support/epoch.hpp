// When a test in virtual time begins: far from the zero of the clock.
#pragma once

#include "base/clock.hpp"

namespace poetry::support {

inline constexpr base::TimePoint epoch{std::chrono::hours(5)};

}  // namespace poetry::support
