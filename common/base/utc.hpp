// Times of day for people and programs.
#pragma once

#include <fmt/chrono.h>

#include <chrono>
#include <string>

namespace poetry::base {

/// To the millisecond, in UTC: "2026-01-31T23:59:59.123Z" (RFC 3339).
inline std::string utc_text(std::chrono::system_clock::time_point at) {
  using std::chrono::milliseconds;
  const auto millis = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(millis / 1000), millis % 1000);
}

}  // namespace poetry::base
