#include "base/shown_text.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace poetry::base {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that show nothing or change how others are shown, and those that XML 1.0 forbids. Not
// the joiners (U+200C, U+200D) and variation selectors, by which Persian, Hindi and emoji are
// spelt.
constexpr std::array unshown{
    Range{0x0, 0x1f},      Range{0x7f, 0x9f},     Range{0x200b, 0x200b},   Range{0x200e, 0x200f},
    Range{0x2028, 0x202e}, Range{0x2060, 0x206f}, Range{0xd800, 0xdfff},   Range{0xfeff, 0xfeff},
    Range{0xfff9, 0xfffb}, Range{0xfffe, 0xffff}, Range{0xe0000, 0xe00ff}, Range{0xe01f0, 0xe0fff}};
constexpr std::array combining{Range{0x300, 0x36f},   Range{0x1ab0, 0x1aff},
                               Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f},
                               Range{0x200c, 0x200d}, Range{0xe0100, 0xe01ef}};
// The blocks of UAX 11 whose characters are wide, taken whole.
constexpr std::array wide{Range{0x1100, 0x115f}, Range{0x2e80, 0xa4cf},   Range{0xac00, 0xd7a3},
                          Range{0xf900, 0xfaff}, Range{0xfe30, 0xfe6f},   Range{0xff01, 0xff60},
                          Range{0xffe0, 0xffe6}, Range{0x1f300, 0x1faff}, Range{0x20000, 0x3fffd}};

template <std::size_t N>
bool among(const std::array<Range, N>& ranges, char32_t each) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [each](Range range) { return each >= range.first && each <= range.last; });
}

std::size_t columns_of(char32_t each) {
  return among(combining, each) ? 0 : among(wide, each) ? 2 : 1;
}

}  // namespace

std::u32string shown_text(std::string_view bytes) {
  std::u32string text;
  while (!bytes.empty()) {
    const auto next = first_character(bytes);
    text += among(unshown, next.character) ? replacement_character : next.character;
    bytes.remove_prefix(next.size);
  }
  return text;
}

std::string_view HarmlessText::pass(std::string_view bytes) {
  waiting_ += bytes;
  shown_.clear();
  std::string_view rest = waiting_;
  while (!rest.empty()) {
    const auto next = first_character(rest);
    const bool begins = static_cast<unsigned char>(rest.front()) >= 0xc2;  // several bytes
    if ((!next.well_formed && begins && next.size == rest.size()) || rest == "\r") break;
    const bool line_end = rest.starts_with("\r\n") || rest.front() == '\n';
    const bool plain = next.well_formed && !among(unshown, next.character);
    shown_ +=
        line_end || rest.front() == '\t' || plain ? rest.substr(0, next.size) : "\xEF\xBF\xBD";
    rest.remove_prefix(next.size);
  }
  waiting_.erase(0, waiting_.size() - rest.size());
  return shown_;
}

std::string shown_utf8(std::string_view bytes) { return to_utf8(shown_text(bytes)); }

std::u32string in_ascii(std::u32string text) {
  std::replace_if(
      text.begin(), text.end(), [](char32_t each) { return each > 0x7e; }, U'?');
  return text;
}

std::size_t columns_of(std::u32string_view text) {
  std::size_t columns = 0;
  for (const char32_t each : text) columns += columns_of(each);
  return columns;
}

std::u32string shortened(std::u32string text, std::size_t columns, char32_t mark) {
  if (columns_of(text) <= columns) return text;
  const std::size_t room = columns - 1;
  const std::size_t before = room * 2 / 5;
  std::size_t first = 0;
  for (std::size_t used = 0; used + columns_of(text[first]) <= before; ++first)
    used += columns_of(text[first]);
  std::size_t last = text.size();
  for (std::size_t used = 0; used + columns_of(text[last - 1]) <= room - before; --last)
    used += columns_of(text[last - 1]);
  return text.substr(0, first) + mark + text.substr(last);
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(shown_text(row[i])));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string room(widths[i] - columns_of(shown_text(row[i])), ' ');
      if (i > 0) line += "  ";
      line += i < left ? shown_utf8(row[i]) + room : room + shown_utf8(row[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace poetry::base
