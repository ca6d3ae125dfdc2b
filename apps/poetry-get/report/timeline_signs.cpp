#include "report/timeline_signs.hpp"

#include <algorithm>

namespace poetry::get::report {
namespace {

// Arrivals that are nearer to each other than this, on average, are drawn thin.
constexpr double dense = 8;

std::string rectangle(Sign sign, double y, double from, double to, double height) {
  return svg_format(R"(<rect class="pt-{}" x="{}" y="{}" width="{}" height="{}"/>)", name(sign),
                    from, y - height / 2, to - from, height);
}

}  // namespace

// The light picture is what a program that knows no media queries shows.
std::string_view svg_style() {
  return R"svg(<style>
.pt-timeline{color-scheme:light dark}
.pt-mono{font-family:monospace}
.pt-text{font-family:sans-serif}
.pt-ink{fill:#16191d}
.pt-soft{fill:#454c55}
.pt-bold{font-weight:bold}
.pt-paper{fill:#fff}
.pt-grid{stroke:#d5dae0;stroke-width:1.5;fill:none}
.pt-axis{stroke:#454c55;stroke-width:2;fill:none}
.pt-floor{stroke:#16191d;stroke-width:2;stroke-dasharray:3 6;fill:none}
.pt-broken{stroke:#6b4a1e;stroke-width:1.5;fill:url(#pt-hatch)}
.pt-hatch{stroke:#6b4a1e;stroke-width:2.5}
.pt-resolving{stroke:#7b3f9e;stroke-width:5;stroke-linecap:round;stroke-dasharray:0 9;fill:none}
.pt-connecting{stroke:#a85400;stroke-width:4;stroke-dasharray:9 5;fill:none}
.pt-waiting{stroke:#5a6470;stroke-width:2;fill:#fff}
.pt-receiving{fill:#7db3e8}
.pt-idle{fill:#b4bcc6}
.pt-arrival{stroke:#0a3263;stroke-width:3.5;fill:none}
.pt-retry{stroke:#a85400;stroke-width:3.5;fill:none}
.pt-thin{stroke-width:1.5}
.pt-whole{fill:#1a7a3a}
.pt-limit{fill:#16191d}
.pt-failed{stroke:#c01f1f;stroke-width:3.5;fill:none}
.pt-interrupted{stroke:#a85400;stroke-width:3;fill:none}
@media (prefers-color-scheme:dark){
.pt-ink,.pt-limit{fill:#eceff2}
.pt-soft{fill:#b3bbc4}
.pt-paper{fill:#13161b}
.pt-grid{stroke:#343b45}
.pt-axis{stroke:#b3bbc4}
.pt-floor{stroke:#eceff2}
.pt-broken,.pt-hatch{stroke:#d9b27c}
.pt-resolving{stroke:#cf9df0}
.pt-connecting,.pt-retry,.pt-interrupted{stroke:#f2a950}
.pt-waiting{stroke:#9aa5b1;fill:#13161b}
.pt-receiving{fill:#2c68a8}
.pt-idle{fill:#56606c}
.pt-arrival{stroke:#d8ebff}
.pt-whole{fill:#68d18a}
.pt-failed{stroke:#ff7a70}
}
</style>
<defs><pattern id="pt-hatch" width="7" height="7" patternUnits="userSpaceOnUse"
 patternTransform="rotate(45)"><path class="pt-hatch" d="M0 0V7"/></pattern></defs>
)svg";
}

std::string svg_stretch(Sign sign, const SvgRow& row, double from, double to) {
  switch (sign) {
    case Sign::broken:
      return rectangle(sign, row.y, from, to, row.pitch * 0.4);
    case Sign::waiting:  // its outline is drawn on both sides of its edge
      return rectangle(sign, row.y, from + 1, std::max(from + 1, to - 1), row.pitch * 0.34);
    case Sign::receiving:
      return rectangle(sign, row.y, from, to, row.pitch * 0.52);
    case Sign::idle:
      return rectangle(sign, row.y, from, to, row.pitch * 0.24);
    default:
      return svg_format(R"(<path class="pt-{}" d="M{} {}H{}"/>)", name(sign), from, row.y, to);
  }
}

std::string svg_ending(Sign sign, const SvgRow& row, double at) {
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

std::string svg_retry(const SvgRow& row, double at) {
  const double half = row.pitch * 0.3;
  return svg_format(R"(<path class="pt-retry" d="M{} {}l{} {}l{} {}"/>)", at - half / 2,
                    row.y - half, half, half, -half, half);
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
