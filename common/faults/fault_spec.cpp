#include "faults/fault_spec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/unknown_name.hpp"
#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

constexpr auto max = std::numeric_limits<std::uint64_t>::max();

void set_offset(Fault& fault, std::string_view text) { fault.amount = base::parse_size(text); }

void set_size(Fault& fault, std::string_view text) {
  fault.amount = base::parse_size(text);
  if (fault.amount == 0) throw base::UsageError("a write has at least one byte", text);
}

void set_duration(Fault& fault, std::string_view text) { fault.by = base::parse_duration(text); }

/// Where a stream is cut.
void set_point(Fault& fault, std::string_view text) {
  constexpr std::string_view lines = "lines";
  constexpr std::string_view ends_of_durations = "hms";
  if (text == "1line") text = "1lines";
  if (text.ends_with(lines)) {
    text.remove_suffix(lines.size());
    fault.amount = base::parse_count(text, "number of lines", 0, max);
    fault.unit = Fault::Unit::lines;
  } else if (!text.empty() && ends_of_durations.find(text.back()) != std::string_view::npos) {
    fault.by = base::parse_duration(text);
    fault.unit = Fault::Unit::time;
  } else {
    fault.amount = base::parse_size(text);
  }
}

/// The same and, behind a comma, how long it holds still there; `key` ends in "=".
void set_point_and_hold(Fault& fault, std::string_view text, std::string_view key) {
  const auto comma = text.find(',');
  set_point(fault, text.substr(0, comma));
  if (comma == std::string_view::npos) return;
  const auto hold = text.substr(comma + 1);
  if (!hold.starts_with(key))
    throw base::UsageError("not of the form " + std::string(key) + "DUR", hold);
  fault.hold = base::parse_duration(hold.substr(key.size()));
}
void set_stall(Fault& fault, std::string_view text) { set_point_and_hold(fault, text, "for="); }
void set_reset(Fault& fault, std::string_view text) { set_point_and_hold(fault, text, "gap="); }

/// A fault by its name.
struct FaultKind {
  std::string_view name;
  std::string_view argument;  ///< its form; empty where there is none
  void (*set)(Fault&, std::string_view);
  Fault standard;  ///< what the name says
};

// The layers, from the inside to the outside.
constexpr int slicing_layer = 0;  // each slice is late by itself
constexpr int delaying_layer = 1;
constexpr int changing_layer = 2;
constexpr int ending_layer = 3;  // counts what the client gets

/// Between the last bytes and a reset, so that the peer's program has read them: the peer's kernel
/// drops what it has not.
constexpr auto usual_gap = std::chrono::milliseconds(100);

Fault ending_with(const session::Step& last, base::Duration hold = {}) {
  return {.wrap = cut_stream, .layer = ending_layer, .hold = hold, .last = last};
}
Fault stalling(Fault::Unit unit) {
  return {.wrap = cut_stream, .layer = ending_layer, .unit = unit, .hold = base::Duration::max()};
}
Fault answering_with(Acceptance acceptance) {
  return {.scope = Fault::Scope::port, .acceptance = acceptance};
}

/// Every fault.
std::span<const FaultKind> fault_kinds() {
  static const std::array kinds{
      FaultKind{"stall-after", "SIZE|Nlines|DUR[,for=DUR]", set_stall,
                stalling(Fault::Unit::bytes)},
      FaultKind{"close-after", "SIZE|Nlines|DUR", set_point,
                ending_with(session::Finish{session::Ending::fault})},
      FaultKind{"reset-after", "SIZE|Nlines|DUR[,gap=DUR]", set_reset,
                ending_with(session::Abort{}, usual_gap)},
      FaultKind{"never-reply", "", nullptr, stalling(Fault::Unit::time)},
      FaultKind{
          "corrupt",
          "OFFSET",
          set_offset,
          {.wrap = corrupt_byte, .layer = changing_layer, .rivals = Fault::Rivals::same_amount}},
      FaultKind{"slice", "SIZE", set_size, {.wrap = slice_writes, .layer = slicing_layer}},
      FaultKind{"latency", "DUR", set_duration, {.wrap = delay_writes, .layer = delaying_layer}},
      FaultKind{"accept-delay", "DUR", set_duration, {.scope = Fault::Scope::service}},
      FaultKind{"refuse", "", nullptr, answering_with(Acceptance::refuse)},
      FaultKind{"blackhole", "", nullptr, answering_with(Acceptance::blackhole)}};
  return kinds;
}

constexpr std::string_view no_fault = "none";

const FaultKind& find_fault_kind(std::string_view name, std::string_view text) {
  const auto kind = std::ranges::find(fault_kinds(), name, &FaultKind::name);
  if (kind != fault_kinds().end()) return *kind;
  const auto names = fault_names();
  std::vector<std::string> valid{std::string(no_fault)};
  valid.insert(valid.end(), names.begin(), names.end());
  throw base::unknown_name("fault", valid, text);
}

/// "12.5" in "12.5%", as a probability.
double parse_percentage(std::string_view text) {
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (text.find_first_not_of("0123456789.") != std::string_view::npos || error != std::errc{} ||
      rest != end || value > 100) {
    throw base::UsageError("not a percentage from 0 to 100", text);
  }
  return value / 100;
}

Fault::Selector parse_selector(std::string_view text) {
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    return {.by = Fault::Selector::By::chance, .chance = parse_percentage(text)};
  }
  if (text.starts_with('#')) {
    text.remove_prefix(1);
    return {.by = Fault::Selector::By::number,
            .number = base::parse_count(text, "number of a connection", 1, max)};
  }
  throw base::UsageError("not of the form N% or #N", text);
}

Fault parse_fault(std::string_view text) {
  const auto colon = text.find(':');
  const auto rest = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto equals = rest.find('=');
  const auto& kind = find_fault_kind(rest.substr(0, equals), text);
  const auto argument = equals == std::string_view::npos ? "" : rest.substr(equals + 1);
  const bool fits = kind.argument.empty() ? equals == std::string_view::npos : !argument.empty();
  if (!fits) {
    std::string form(kind.name);
    if (!kind.argument.empty()) form.append("=").append(kind.argument);
    throw base::UsageError("not of the form " + form, text);
  }
  auto fault = kind.standard;
  fault.text = text;
  base::naming(text, [&] {
    if (colon != std::string_view::npos) fault.selector = parse_selector(text.substr(0, colon));
    if (kind.set != nullptr) kind.set(fault, argument);
  });
  if (fault.scope != Fault::Scope::session && colon != std::string_view::npos) {
    throw base::UsageError(std::string(kind.name) + " is for the whole port and takes no SELECT",
                           text);
  }
  return fault;
}

}  // namespace

std::vector<std::string_view> fault_names() {
  std::vector<std::string_view> names;
  for (const auto& kind : fault_kinds()) names.push_back(kind.name);
  return names;
}

FaultPlan parse_faults(std::span<const std::string> texts) {
  if (texts.size() == 1 && texts[0] == no_fault) return {};
  std::vector<Fault> faults;
  for (const auto& text : texts) {
    if (text == no_fault) throw base::UsageError("it excludes other faults", text);
    faults.push_back(parse_fault(text));
  }
  return FaultPlan(std::move(faults));
}

}  // namespace poetry::faults
