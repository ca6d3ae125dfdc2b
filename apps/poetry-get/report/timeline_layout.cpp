#include "report/timeline_layout.hpp"

#include <algorithm>
#include <string>

#include "base/shown_text.hpp"

namespace poetry::get::report {
namespace {

constexpr double min_names = 200;  // so that pictures of short names look alike
constexpr double tick_distance = 80;

}  // namespace

TimelineLayout::TimelineLayout(const Chart& chart) : whole_(chart.whole) {
  std::size_t rows = 0;
  std::size_t digits = 1;
  std::size_t longest = 0;
  std::size_t remark = 0;
  for (const auto& panel : chart.panels) {
    rows += panel.rows.size();
    for (const auto& row : panel.rows) {
      digits = std::max(digits, std::to_string(row.task + 1).size());
      longest = std::max(longest, base::columns_of(base::shown_text(row.name)));
      remark = std::max(remark, row.remark.size());
    }
  }
  // Few rows fill a slide, many still fit on a page.
  pitch = rows <= 12 ? 42 : rows <= 30 ? 32 : 24;
  font = rows <= 12 ? 22 : rows <= 30 ? 19 : 17;
  const double character = mono * font;
  numbers = margin + static_cast<double>(digits) * character;
  names = numbers + character;
  const double room = static_cast<double>(std::min(longest, max_name)) * character;
  left = std::max(names + room + gap, margin + min_names);
  remarks = width - margin - static_cast<double>(remark) * character * remark_share;
  right = remarks - pitch;  // behind the scale is room for an ending
  ticks = ticks_of(whole_, static_cast<std::size_t>((right - left) / tick_distance) + 1);
}

double TimelineLayout::x(base::Duration at) const {
  if (whole_ <= base::Duration::zero()) return left;
  return left + (right - left) * base::seconds(at) / base::seconds(whole_);
}

}  // namespace poetry::get::report
