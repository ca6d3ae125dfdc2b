// What a terminal can show: how wide it is, which signs it has, whether it takes colour. Asked anew
// with every call, for a terminal may change its size.
#pragma once

#include <cstddef>

namespace poetry::base {

enum class Glyphs { ascii, utf8 };
enum class Colours { no, yes };

/// Whether a line on this descriptor can be written over: a terminal, and TERM names one that can.
bool is_terminal(int fd);

/// Columns and lines of the terminal behind `fd`; 80 and 24 where it does not tell.
struct WindowSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
  bool operator==(const WindowSize&) const = default;
};
WindowSize window_size(int fd);

/// COLUMNS where it is set (POSIX's "preferred width"), else those of window_size(); 40 to 1000.
std::size_t preferred_width(int fd);

/// By the codeset of the locale that LC_ALL, LC_CTYPE or LANG names, the first that is set; of one
/// that is not installed, by its name. ASCII where TERM is "dumb".
Glyphs terminal_glyphs();

/// On a terminal, unless NO_COLOR is set and not empty.
Colours terminal_colours(int fd);

}  // namespace poetry::base
