#include "base/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

/// What durations and sizes differ in.
struct Quantity {
  std::string_view noun;
  std::span<const Unit> units;
  std::uint64_t bare;  ///< the factor without a unit
  Wide max;
  enum class Remainder { dropped, refused } remainder;  ///< of the smallest unit
};

constexpr Quantity duration_quantity{"duration", duration_units, 1'000'000'000, longest_duration,
                                     Quantity::Remainder::dropped};
constexpr Quantity size_quantity{"size", size_units, 1, largest_size, Quantity::Remainder::refused};

/// The factor of a unit. Raises UsageError naming `whole`.
std::uint64_t factor_of(std::string_view name, const Quantity& quantity, std::string_view whole) {
  if (name.empty()) return quantity.bare;
  const std::string noun(quantity.noun);
  if (name.starts_with(','))
    throw UsageError("not a " + noun + " (a point stands before its decimals)", whole);
  std::string valid;
  for (const auto& each : quantity.units) {
    if (each.name == name) return each.factor;
    valid.append(valid.empty() ? "" : ", ").append(each.name);
  }
  throw UsageError("unknown unit of a " + noun + " (valid: " + valid + ")", whole);
}

/// digits [. digits] [unit], in the smallest unit. It is a part of `whole`, which errors name.
std::uint64_t parse_quantity(std::string_view text, const Quantity& quantity,
                             std::string_view whole) {
  const std::string noun(quantity.noun);
  const auto too_large = [&] { return UsageError(noun + " too large", whole); };
  Wide digits = 0;
  Wide scale = 1;
  bool any = false;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !fraction) {
      fraction = true;
    } else if (text[at] >= '0' && text[at] <= '9') {
      any = true;
      digits = digits * 10 + static_cast<unsigned>(text[at] - '0');
      if (fraction) scale *= 10;
      if (digits > (Wide{1} << 90) || scale > 1'000'000'000'000) throw too_large();
    } else {
      break;
    }
  }
  if (!any)
    throw UsageError(text.starts_with('-') ? noun + " is negative" : "not a " + noun, whole);
  const auto factor = factor_of(text.substr(at), quantity, whole);
  if (digits > ~Wide{0} / factor) throw too_large();
  const Wide product = digits * factor;
  if (quantity.remainder == Quantity::Remainder::refused && product % scale != 0)
    throw UsageError(noun + " is not a whole number of bytes", whole);
  if (product / scale > quantity.max) throw too_large();
  return static_cast<std::uint64_t>(product / scale);
}

/// The largest unit that divides the value, so that the text is short and exact.
std::string format_quantity(std::uint64_t value, std::span<const Unit> units) {
  for (const auto& unit : units) {
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor).append(unit.name);
  }
  return "0";
}

}  // namespace

// "1m30s" is the sum of its parts, of which each has a unit, smaller than the one before.
Duration parse_duration(std::string_view text) {
  constexpr std::string_view digits = "0123456789.";
  Wide sum = 0;
  auto units = std::span<const Unit>(duration_units);
  auto rest = text;
  do {
    const auto number = std::min(rest.find_first_not_of(digits), rest.size());
    const auto part = rest.substr(0, rest.find_first_of(digits, number));
    sum += parse_quantity(part, duration_quantity, text);
    if (sum > longest_duration) throw UsageError("duration too large", text);
    const auto unit = std::ranges::find(units, part.substr(number), &Unit::name);
    if (unit == units.end() && part != text)
      throw UsageError("not a duration (larger units come first)", text);
    if (unit != units.end())
      units = units.subspan(static_cast<std::size_t>(unit - units.begin()) + 1);
    rest.remove_prefix(part.size());
  } while (!rest.empty());
  return std::chrono::nanoseconds(static_cast<std::uint64_t>(sum));
}

std::string format_duration(Duration duration) {
  constexpr std::size_t seconds_at = 2;  // hours and minutes read worse than "60s" and "90s"
  return format_quantity(static_cast<std::uint64_t>(duration.count()),
                         std::span(duration_units).subspan(seconds_at));
}

std::uint64_t parse_size(std::string_view text) {
  return parse_quantity(text, size_quantity, text);
}

std::string format_size(std::uint64_t bytes) { return format_quantity(bytes, size_units); }

std::uint64_t parse_count(std::string_view text, std::string_view what, std::uint64_t min,
                          std::uint64_t max) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || rest != end || text.empty())
    throw UsageError(std::string(what).append(" is not a number"), text);
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
