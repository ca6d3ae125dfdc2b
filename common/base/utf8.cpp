#include "base/utf8.hpp"

#include <algorithm>
#include <boost/nowide/utf/convert.hpp>
#include <cstdint>

namespace poetry::base {
namespace {

/// How a sequence goes on after its first byte (The Unicode Standard, table 3-7).
struct Lead {
  std::size_t size;  ///< of the whole sequence; 0: no sequence begins so
  std::uint8_t min;  ///< bounds of the second byte; all later ones are 80..BF
  std::uint8_t max;
};

constexpr Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};  // a continuation, or overlong
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};  // below: overlong
  if (byte == 0xED) return {3, 0x80, 0x9F};  // above: surrogates
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};  // below: overlong
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};  // above: beyond U+10FFFF
  return {0, 0, 0};
}

}  // namespace

Utf8Character first_character(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const auto lead = lead_of(first);
  if (lead.size == 0) return {replacement_character, 1, false};
  if (lead.size == 1) return {first, 1, true};
  char32_t character = first & (0x7FU >> lead.size);
  auto min = lead.min;
  auto max = lead.max;
  for (std::size_t size = 1; size < lead.size; ++size) {
    const auto byte = size < bytes.size() ? static_cast<std::uint8_t>(bytes[size]) : 0;
    if (byte < min || byte > max) return {replacement_character, size, false};
    character = character << 6U | (byte & 0x3FU);
    min = 0x80;
    max = 0xBF;
  }
  return {character, lead.size, true};
}

std::string valid_utf8(std::string_view bytes, bool (*is_allowed)(char32_t)) {
  constexpr auto is_odd = [](char c) { return (c < ' ' && c != '\t') || c > '~'; };
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto plain = std::find_if(bytes.begin(), bytes.end(), is_odd) - bytes.begin();
    text += bytes.substr(0, static_cast<std::size_t>(plain));
    bytes.remove_prefix(static_cast<std::size_t>(plain));
    if (bytes.empty()) break;
    const auto next = first_character(bytes);
    const bool taken = next.well_formed && (is_allowed == nullptr || is_allowed(next.character));
    text += taken ? bytes.substr(0, next.size) : "\xEF\xBF\xBD";  // U+FFFD
    bytes.remove_prefix(next.size);
  }
  return text;
}

std::string to_utf8(std::u32string_view text) {
  return boost::nowide::utf::convert_string<char>(text.data(), text.data() + text.size());
}

}  // namespace poetry::base
