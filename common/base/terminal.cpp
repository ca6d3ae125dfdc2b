#include "base/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <string>

namespace poetry::base {
namespace {

constexpr std::size_t min_width = 40;    // below it no bar is left beside the names
constexpr std::size_t max_width = 1000;  // wider than any terminal

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool dumb() { return variable("TERM") == "dumb"; }

}  // namespace

bool is_terminal(int fd) { return !variable("TERM").empty() && !dumb() && ::isatty(fd) == 1; }

WindowSize window_size(int fd) {
  winsize told{};
  WindowSize size;
  if (::ioctl(fd, TIOCGWINSZ, &told) != 0) return size;
  if (told.ws_col > 0) size.columns = told.ws_col;
  if (told.ws_row > 0) size.lines = told.ws_row;
  return size;
}

std::size_t preferred_width(int fd) {
  const long columns = std::strtol(variable("COLUMNS").c_str(), nullptr, 10);
  const auto wanted = columns > 0 ? static_cast<std::size_t>(columns) : window_size(fd).columns;
  return std::clamp(wanted, min_width, max_width);
}

Glyphs terminal_glyphs() {
  if (dumb()) return Glyphs::ascii;
  std::string codeset;
  if (const locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr)) {
    codeset = ::nl_langinfo_l(CODESET, locale);
    ::freelocale(locale);
  } else {
    for (const char* name : {"LANG", "LC_CTYPE", "LC_ALL"})
      if (const auto value = variable(name); !value.empty()) codeset = value;
  }
  const bool utf8 = ::strcasestr(codeset.c_str(), "utf-8") != nullptr ||
                    ::strcasestr(codeset.c_str(), "utf8") != nullptr;
  return utf8 ? Glyphs::utf8 : Glyphs::ascii;
}

Colours terminal_colours(int fd) {
  return is_terminal(fd) && variable("NO_COLOR").empty() ? Colours::yes : Colours::no;
}

}  // namespace poetry::base
