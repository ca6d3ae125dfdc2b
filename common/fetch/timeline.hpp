// A picture of a run for a terminal: a row a task, which shows when it connected, waited, received.
// A pure function of what the runs left.
#pragma once

#include <span>
#include <string>

#include "fetch/report.hpp"

namespace poetry {

enum class Glyphs { ascii, utf8 };

/// Draws the runs under each other on one scale, no wider than `width` columns where that leaves
/// room for a bar at all. Of a run with more than 40 tasks a sample is shown, and said to be one.
std::string draw_timeline(std::span<const Run> runs, std::size_t width, Glyphs glyphs);

/// The width of the terminal behind `fd`, else COLUMNS, else 80.
std::size_t terminal_width(int fd);

/// By LC_ALL, LC_CTYPE and LANG, the first that is set (locale(7)).
Glyphs terminal_glyphs();

}  // namespace poetry
