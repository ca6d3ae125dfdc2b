// Durations, sizes and counts as users write them ("250ms", "64KiB", "20") and as tools print them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace poetry::base {

/// Parses a duration: digits with an optional fraction and one of the units ns, us, ms, s, m, h;
/// without a unit it is in seconds, as for sleep(1). Exact to the nanosecond, never rounded up.
/// Raises UsageError for anything else, for a negative value and for one beyond 100 years.
Duration parse_duration(std::string_view text);

/// Text in s, ms, us or ns that parse_duration() reads back to the same value: "60s", "250ms", "0".
std::string format_duration(Duration duration);

/// Parses a size in bytes: digits with an optional fraction and one of the units B, kB, KB, MB, GB
/// (powers of 1000), KiB, MiB, GiB (powers of 1024); without a unit it is in bytes.
/// Raises UsageError for anything else, for a fraction of a byte and for one beyond 2^63 - 1.
std::uint64_t parse_size(std::string_view text);

/// The shortest exact text that parse_size() reads back to the same value: "64KiB", "40B".
std::string format_size(std::uint64_t bytes);

/// Parses decimal digits alone, in [min, max]. `what` opens the UsageError's message.
std::uint64_t parse_count(std::string_view text, std::string_view what, std::uint64_t min,
                          std::uint64_t max);

/// "1 poem", "3 poems".
std::string counted(std::uint64_t count, std::string_view noun);

}  // namespace poetry::base
