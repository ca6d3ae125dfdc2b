// How the signs of a timeline look in SVG: each differs from the others in form, not in colour
// alone, so that it is told apart in black and white, and in dark pictures as in light ones.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/xml.hpp"
#include "report/timeline_chart.hpp"

namespace poetry::get::report {

/// The style element and the definitions that all of these forms, and the classes pt-text, pt-mono,
/// pt-ink, pt-soft, pt-bold, pt-paper, pt-grid, pt-axis and pt-floor, need.
std::string svg_style();

/// Lengths are in the units of the picture. A row is `pitch` high; `y` is its middle.
struct SvgRow {
  double y = 0;
  double pitch = 0;
};

/// From Sign::arrival on a sign has no length, and `to` says nothing.
std::string svg_sign(Sign sign, const SvgRow& row, double from, double to);
std::string svg_arrivals(const SvgRow& row, std::span<const double> at);

/// A length with as many decimals as a picture needs, and a text as XML has it.
std::string svg_value(double length);
inline std::string svg_value(std::string_view text) { return base::xml_escaped(text); }

template <typename... Values>
using SvgFormat = fmt::format_string<decltype(svg_value(std::declval<const Values&>()))...>;

/// fmt::format() of these.
template <typename... Values>
std::string svg_format(SvgFormat<Values...> format, const Values&... values) {
  return fmt::format(format, svg_value(values)...);
}

}  // namespace poetry::get::report
