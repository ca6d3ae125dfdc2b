// Times of day for people and programs.
#pragma once

#include <chrono>
#include <string>

namespace poetry::base {

/// To the millisecond, in UTC: "2026-01-31T23:59:59.123Z" (RFC 3339).
std::string utc_text(std::chrono::system_clock::time_point at);

}  // namespace poetry::base
