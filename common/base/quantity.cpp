#include "base/quantity.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "base/error.hpp"

namespace poetry::base {
namespace {

__extension__ typedef unsigned __int128 Wide;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units{
    Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},        Unit{"us", 1'000},         Unit{"ns", 1}};
constexpr std::array size_units{Unit{"GiB", 1ULL << 30}, Unit{"GB", 1'000'000'000},
                                Unit{"MiB", 1ULL << 20}, Unit{"MB", 1'000'000},
                                Unit{"KiB", 1ULL << 10}, Unit{"kB", 1'000},
                                Unit{"KB", 1'000},       Unit{"B", 1}};

/// Beyond this, sums of deadlines could leave the clock's range of 292 years.
constexpr Wide longest_duration = Wide{100} * 365 * 86'400 * 1'000'000'000;
constexpr Wide largest_size = (Wide{1} << 63) - 1;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

enum class Verdict { ok, malformed, unknown_unit, too_large, not_whole };

struct Parsed {
  Verdict verdict = Verdict::ok;
  std::uint64_t value = 0;
};

/// digits [. digits] [unit], in units of the table's smallest; `bare` is the factor without a unit.
/// `exact` refuses what leaves a remainder; otherwise it is dropped.
Parsed parse_quantity(std::string_view text, std::span<const Unit> units, std::uint64_t bare,
                      Wide max, bool exact) {
  Wide digits = 0;
  Wide scale = 1;
  bool any = false;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !fraction) {
      fraction = true;
    } else if (is_digit(text[at])) {
      any = true;
      digits = digits * 10 + static_cast<unsigned>(text[at] - '0');
      if (fraction) scale *= 10;
      if (digits > (Wide{1} << 90) || scale > 1'000'000'000'000) return {Verdict::too_large};
    } else {
      break;
    }
  }
  if (!any) return {Verdict::malformed};
  std::optional<std::uint64_t> factor;
  const auto name = text.substr(at);
  if (name.empty()) factor = bare;
  for (const auto& unit : units) {
    if (unit.name == name) factor = unit.factor;
  }
  if (!factor) return {Verdict::unknown_unit};
  if (digits > (~Wide{0}) / *factor) return {Verdict::too_large};
  const Wide product = digits * *factor;
  if (exact && product % scale != 0) return {Verdict::not_whole};
  if (product / scale > max) return {Verdict::too_large};
  return {Verdict::ok, static_cast<std::uint64_t>(product / scale)};
}

[[noreturn]] void refuse(Verdict verdict, std::string_view what, std::string_view text) {
  const std::string noun(what);
  switch (verdict) {
    case Verdict::too_large:
      throw UsageError(noun + " too large", text);
    case Verdict::not_whole:
      throw UsageError(noun + " is not a whole number of bytes", text);
    case Verdict::unknown_unit:
      throw UsageError("unknown unit of a " + noun, text);
    default:
      break;
  }
  if (text.starts_with('-')) throw UsageError(noun + " is negative", text);
  throw UsageError("not a " + noun, text);
}

/// The largest unit that divides the value, so that the text is short and exact.
std::string format_quantity(std::uint64_t value, std::span<const Unit> units) {
  for (const auto& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return std::to_string(value / unit.factor).append(unit.name);
    }
  }
  return "0";
}

}  // namespace

Duration parse_duration(std::string_view text) {
  const auto parsed = parse_quantity(text, duration_units, 1'000'000'000, longest_duration, false);
  if (parsed.verdict != Verdict::ok) refuse(parsed.verdict, "duration", text);
  return std::chrono::nanoseconds(parsed.value);
}

std::string format_duration(Duration duration) {
  constexpr std::size_t seconds_at = 2;  // hours and minutes read worse than "60s" and "90s"
  return format_quantity(static_cast<std::uint64_t>(duration.count()),
                         std::span(duration_units).subspan(seconds_at));
}

std::uint64_t parse_size(std::string_view text) {
  const auto parsed = parse_quantity(text, size_units, 1, largest_size, true);
  if (parsed.verdict != Verdict::ok) refuse(parsed.verdict, "size", text);
  return parsed.value;
}

std::string format_size(std::uint64_t bytes) { return format_quantity(bytes, size_units); }

std::uint64_t parse_count(std::string_view text, std::string_view what, std::uint64_t min,
                          std::uint64_t max) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || rest != end || text.empty()) {
    throw UsageError(std::string(what).append(" is not a number"), text);
  }
  if (error != std::errc{} || value < min || value > max) {
    throw UsageError(
        std::string(what) + " is not in " + std::to_string(min) + " to " + std::to_string(max),
        text);
  }
  return value;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

}  // namespace poetry::base
