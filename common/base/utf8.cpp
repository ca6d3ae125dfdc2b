#include "base/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/nowide/utf/convert.hpp>
#include <cstdint>

namespace poetry::base {
namespace {

bool is_xml_character(char32_t each) {
  if (each < 0x20) return each == '\t' || each == '\n' || each == '\r';
  return each != 0xFFFE && each != 0xFFFF;
}

struct Reference {
  char character;
  std::string_view text;
};

/// What does not stand for itself.
constexpr std::array references{Reference{'&', "&amp;"}, Reference{'<', "&lt;"},
                                Reference{'>', "&gt;"},  Reference{'"', "&quot;"},
                                Reference{'\t', "&#9;"}, Reference{'\n', "&#10;"},
                                Reference{'\r', "&#13;"}};

/// With U+FFFD for what is no UTF-8, and for characters that `is_allowed` denies, which is not
/// asked of tabs and what ASCII can print.
std::string mended(std::string_view bytes, bool (*is_allowed)(char32_t)) {
  constexpr auto is_odd = [](char c) { return (c < ' ' && c != '\t') || c > '~'; };
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto plain = std::find_if(bytes.begin(), bytes.end(), is_odd) - bytes.begin();
    text += bytes.substr(0, static_cast<std::size_t>(plain));
    bytes.remove_prefix(static_cast<std::size_t>(plain));
    if (bytes.empty()) break;
    const auto next = first_character(bytes);
    const bool taken = next.well_formed && is_allowed(next.character);
    text += taken ? bytes.substr(0, next.size) : "\xEF\xBF\xBD";  // U+FFFD
    bytes.remove_prefix(next.size);
  }
  return text;
}

}  // namespace

/// The Unicode Standard, table 3-7.
Utf8Character first_character(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xC2 || first > 0xF4) return {replacement_character, 1, false};
  const auto whole = static_cast<std::size_t>(std::countl_one(first));
  char32_t character = first & (0x7FU >> whole);
  int min = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;  // below: overlong
  int max = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;  // above: none, or surrogates
  for (std::size_t size = 1; size < whole; ++size) {
    const auto byte = size < bytes.size() ? static_cast<std::uint8_t>(bytes[size]) : 0;
    if (byte < min || byte > max) return {replacement_character, size, false};
    character = character << 6U | (static_cast<unsigned>(byte) & 0x3FU);
    min = 0x80;
    max = 0xBF;
  }
  return {character, whole, true};
}

std::string valid_utf8(std::string_view bytes) {
  return mended(bytes, [](char32_t) { return true; });
}

std::string to_xml_characters(std::string_view bytes) { return mended(bytes, is_xml_character); }

std::string xml_escaped(std::string_view bytes) {
  std::string text;
  for (const char each : to_xml_characters(bytes)) {
    const auto* const found = std::ranges::find(references, each, &Reference::character);
    text += found == references.end() ? std::string_view(&each, 1) : found->text;
  }
  return text;
}

std::string to_utf8(std::u32string_view text) {
  return boost::nowide::utf::convert_string<char>(text.data(), text.data() + text.size());
}

}  // namespace poetry::base
