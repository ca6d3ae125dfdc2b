// Pictures of runs: a row a task, which shows when it resolved, connected, waited, received, and
// how it ended. In characters for a terminal; as SVG for a slide or a page. Pure functions of what
// the runs left.
#pragma once

#include <span>
#include <string>

#include "base/terminal.hpp"
#include "report/report.hpp"

namespace poetry::get::report {

struct Look {
  std::size_t width = 80;  ///< columns; a row is wider only where that leaves no room for a bar
  base::Glyphs glyphs = base::Glyphs::ascii;
  base::Colours colours = base::Colours::no;
};

/// Draws the runs, which are of the same tasks, under each other on one scale. Of many tasks a
/// sample is shown, and said to be one, see timeline_chart.hpp.
std::string draw_timeline(std::span<const Run> runs, const Look& look);

/// The same as an SVG document of its own, which refers to nothing outside itself.
std::string svg_timeline(std::span<const Run> runs);

}  // namespace poetry::get::report
