// How the signs of a timeline look in SVG: each differs from the others in form, not in colour
// alone, so that it is told apart in black and white, and in dark pictures as in light ones.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "report/timeline_chart.hpp"

namespace poetry::get::report {

/// The style element and the definitions that all of these forms, and the classes pt-text, pt-mono,
/// pt-ink, pt-soft, pt-bold, pt-paper, pt-grid, pt-axis and pt-floor, need.
std::string_view svg_style();

/// Lengths are in the units of the picture. A row is `pitch` high; `y` is its middle.
struct SvgRow {
  double y = 0;
  double pitch = 0;
};

/// What lasts, and comes before Sign::arrival.
std::string svg_stretch(Sign sign, const SvgRow& row, double from, double to);
/// How it ended.
std::string svg_ending(Sign sign, const SvgRow& row, double at);
/// Where the last attempt began.
std::string svg_retry(const SvgRow& row, double at);
std::string svg_arrivals(const SvgRow& row, std::span<const double> at);

/// A length with as many decimals as a picture needs.
std::string svg_length(double value);

}  // namespace poetry::get::report
