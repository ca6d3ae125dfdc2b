// Where things stand in an SVG timeline, from left to right: numbers, names, the scale, remarks.
// Lengths are in the units of the picture, which is as wide as a slide and as high as it needs.
#pragma once

#include <cstddef>
#include <vector>

#include "report/timeline_chart.hpp"

namespace poetry::get::report {

struct TimelineLayout {
  static constexpr double width = 1200;
  static constexpr double margin = 36;
  static constexpr double gap = 16;
  static constexpr double mono = 0.605;         ///< width of a character, for a font size of 1
  static constexpr double remark_share = 0.85;  ///< of the size of a name
  static constexpr std::size_t max_name = 30;   ///< columns

  explicit TimelineLayout(const Chart& chart);
  /// Where a time stands on the scale.
  [[nodiscard]] double x(base::Duration at) const;

  double pitch = 0;    ///< from a row to the next
  double font = 0;     ///< size of the names
  double numbers = 0;  ///< right end of the numbers
  double names = 0;    ///< left end of the names
  double left = 0;     ///< ends of the scale
  double right = 0;
  double remarks = 0;  ///< left end of the remarks
  std::vector<Tick> ticks;

 private:
  base::Duration whole_;
};

}  // namespace poetry::get::report
