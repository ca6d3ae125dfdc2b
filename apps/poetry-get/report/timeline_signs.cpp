#include "report/timeline_signs.hpp"

#include <algorithm>

#include "report/timeline_css.hpp"

namespace poetry::get::report {
namespace {

// Arrivals that are nearer to each other than this, on average, are drawn thin.
constexpr double dense = 8;

std::string rectangle(Sign sign, double y, double from, double to, double height) {
  return svg_format(R"(<rect class="pt-{}" x="{}" y="{}" width="{}" height="{}"/>)", name(sign),
                    from, y - height / 2, to - from, height);
}

std::string ending(Sign sign, const SvgRow& row, double at) {
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

}  // namespace

// The light picture is what a program that knows no media queries shows.
std::string svg_style() {
  return "<style>\n" + std::string(timeline_css) + R"svg(</style>
<defs><pattern id="pt-hatch" width="7" height="7" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><path class="pt-hatch" d="M0 0V7"/></pattern></defs>
)svg";
}

std::string svg_sign(Sign sign, const SvgRow& row, double from, double to) {
  const double half = row.pitch * 0.3;
  switch (sign) {
    case Sign::broken:
      return rectangle(sign, row.y, from, to, row.pitch * 0.4);
    case Sign::resolving:
    case Sign::connecting:
      return svg_format(R"(<path class="pt-{}" d="M{} {}H{}"/>)", name(sign), from, row.y, to);
    case Sign::waiting:  // its outline is drawn on both sides of its edge
      return rectangle(sign, row.y, from + 1, std::max(from + 1, to - 1), row.pitch * 0.34);
    case Sign::receiving:
      return rectangle(sign, row.y, from, to, row.pitch * 0.52);
    case Sign::idle:
      return rectangle(sign, row.y, from, to, row.pitch * 0.24);
    case Sign::arrival:
      return svg_arrivals(row, {&from, 1});
    case Sign::retry:
      return svg_format(R"(<path class="pt-retry" d="M{} {}l{} {}l{} {}"/>)", from - half / 2,
                        row.y - half, half, half, -half, half);
    default:
      return ending(sign, row, from);
  }
}

std::string svg_arrivals(const SvgRow& row, std::span<const double> at) {
  if (at.empty()) return {};
  const double span = at.back() - at.front();
  const bool thin = span > dense && span / static_cast<double>(at.size()) < dense;
  const double height = row.pitch * 0.72;
  std::string text = fmt::format(R"(<path class="pt-arrival{}" d=")", thin ? " pt-thin" : "");
  for (const double x : at) text += svg_format("M{} {}v{}", x, row.y - height / 2, height);
  return text + "\"/>";
}

std::string svg_value(double length) {
  std::string text = fmt::format("{:.2f}", length);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace poetry::get::report
