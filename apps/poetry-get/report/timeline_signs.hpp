// How the signs of a timeline look in SVG: each differs from the others in form, not in colour
// alone, so that it is told apart in black and white, and in dark pictures as in light ones.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.hpp"
#include "report/timeline_chart.hpp"
#include "report/timeline_css.hpp"

namespace poetry::get::report {

/// A length with as many decimals as a picture needs, and a text as XML has it.
inline std::string svg_value(double length) {
  std::string text = fmt::format("{:.2f}", length);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}
inline std::string svg_value(std::string_view text) { return base::xml_escaped(text); }

template <typename... Values>
using SvgFormat = fmt::format_string<decltype(svg_value(std::declval<const Values&>()))...>;

/// fmt::format() of these.
template <typename... Values>
std::string svg_format(SvgFormat<Values...> format, const Values&... values) {
  return fmt::format(format, svg_value(values)...);
}

/// The style element and the definitions that all of these forms, and the classes pt-text, pt-mono,
/// pt-ink, pt-soft, pt-bold, pt-paper, pt-grid, pt-axis and pt-floor, need. The light picture is
/// what a program that knows no media queries shows.
inline std::string svg_style() {
  return "<style>\n" + std::string(timeline_css) + R"svg(</style>
<defs><pattern id="pt-hatch" width="7" height="7" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><path class="pt-hatch" d="M0 0V7"/></pattern></defs>
)svg";
}

/// Lengths are in the units of the picture. A row is `pitch` high; `y` is its middle.
struct SvgRow {
  double y = 0;
  double pitch = 0;
};

inline std::string svg_rectangle(Sign sign, double y, double from, double to, double height) {
  return svg_format(R"(<rect class="pt-{}" x="{}" y="{}" width="{}" height="{}"/>)", name(sign),
                    from, y - height / 2, to - from, height);
}

/// How a task ended.
inline std::string svg_ending(Sign sign, const SvgRow& row, double at) {
  const double r = std::max(5.0, row.pitch * 0.17);
  if (sign == Sign::whole) {
    return svg_format(R"(<circle class="pt-{}" cx="{}" cy="{}" r="{}"/>)", name(sign), at, row.y,
                      r);
  }
  std::string_view form = "M{0} {0}H{1}V{1}H{0}z";
  if (sign == Sign::failed) form = "M{0} {0}L{1} {1}M{1} {0}L{0} {1}";
  if (sign == Sign::limit) form = "M{0} {0}L{1} 0L{0} {1}z";
  const auto path = fmt::format(fmt::runtime(form), svg_value(-r), svg_value(r));
  return svg_format(R"svg(<path class="pt-{}" transform="translate({} {})" d="{}"/>)svg",
                    name(sign), at, row.y, path);
}

// Arrivals that are nearer to each other than this, on average, are drawn thin.
inline constexpr double svg_dense = 8;

inline std::string svg_arrivals(const SvgRow& row, std::span<const double> at) {
  if (at.empty()) return {};
  const double span = at.back() - at.front();
  const bool thin = span > svg_dense && span / static_cast<double>(at.size()) < svg_dense;
  const double height = row.pitch * 0.72;
  std::string text = fmt::format(R"(<path class="pt-arrival{}" d=")", thin ? " pt-thin" : "");
  for (const double x : at) text += svg_format("M{} {}v{}", x, row.y - height / 2, height);
  return text + "\"/>";
}

/// From Sign::arrival on a sign has no length, and `to` says nothing.
inline std::string svg_sign(Sign sign, const SvgRow& row, double from, double to) {
  const double half = row.pitch * 0.3;
  switch (sign) {
    case Sign::broken:
      return svg_rectangle(sign, row.y, from, to, row.pitch * 0.4);
    case Sign::resolving:
    case Sign::connecting:
      return svg_format(R"(<path class="pt-{}" d="M{} {}H{}"/>)", name(sign), from, row.y, to);
    case Sign::waiting:  // its outline is drawn on both sides of its edge
      return svg_rectangle(sign, row.y, from + 1, std::max(from + 1, to - 1), row.pitch * 0.34);
    case Sign::receiving:
      return svg_rectangle(sign, row.y, from, to, row.pitch * 0.52);
    case Sign::idle:
      return svg_rectangle(sign, row.y, from, to, row.pitch * 0.24);
    case Sign::arrival:
      return svg_arrivals(row, {&from, 1});
    case Sign::retry:
      return svg_format(R"(<path class="pt-retry" d="M{} {}l{} {}l{} {}"/>)", from - half / 2,
                        row.y - half, half, half, -half, half);
    default:
      return svg_ending(sign, row, from);
  }
}

}  // namespace poetry::get::report
