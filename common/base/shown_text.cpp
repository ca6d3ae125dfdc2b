#include "base/shown_text.hpp"

#include <algorithm>
#include <array>

namespace poetry {
namespace {

constexpr char32_t replacement = 0xfffd;

struct Range {
  char32_t first;
  char32_t last;
};

// Characters that show nothing or change how others are shown, and those that XML 1.0 forbids.
constexpr std::array unshown{Range{0x0, 0x1f},       Range{0x7f, 0x9f},     Range{0x200b, 0x200f},
                             Range{0x2028, 0x202e},  Range{0x2060, 0x206f}, Range{0xd800, 0xdfff},
                             Range{0xfeff, 0xfeff},  Range{0xfff9, 0xfffb}, Range{0xfffe, 0xffff},
                             Range{0xe0000, 0xe0fff}};
constexpr std::array combining{Range{0x300, 0x36f}, Range{0x1ab0, 0x1aff}, Range{0x20d0, 0x20ff},
                               Range{0xfe00, 0xfe0f}};
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

struct Decoded {
  char32_t character = replacement;
  std::size_t bytes = 1;
};

// RFC 3629. An ill-formed sequence is taken a byte at a time.
Decoded decode(std::string_view text) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  char32_t character = first & (0x7fU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xc0U) != 0x80) return {};
    character = character << 6U | (byte(at) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (character < least[size] || character > 0x10ffff) return {};
  return {character, size};
}

}  // namespace

std::u32string shown_text(std::string_view bytes) {
  std::u32string text;
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    text += among(unshown, next.character) ? replacement : next.character;
    bytes.remove_prefix(next.bytes);
  }
  return text;
}

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
  for (std::size_t used = 0; used + columns_of(text[first]) <= before; ++first) {
    used += columns_of(text[first]);
  }
  std::size_t last = text.size();
  for (std::size_t used = 0; used + columns_of(text[last - 1]) <= room - before; --last) {
    used += columns_of(text[last - 1]);
  }
  return text.substr(0, first) + mark + text.substr(last);
}

std::string to_utf8(std::u32string_view text) {
  std::string bytes;
  const auto put = [&bytes](char32_t byte) { bytes += static_cast<char>(byte); };
  for (const char32_t each : text) {
    if (each < 0x80) {
      put(each);
    } else if (each < 0x800) {
      put(0xc0U | each >> 6U);
      put(0x80U | (each & 0x3fU));
    } else {
      if (each < 0x10000) {
        put(0xe0U | each >> 12U);
      } else {
        put(0xf0U | each >> 18U);
        put(0x80U | (each >> 12U & 0x3fU));
      }
      put(0x80U | (each >> 6U & 0x3fU));
      put(0x80U | (each & 0x3fU));
    }
  }
  return bytes;
}

}  // namespace poetry
