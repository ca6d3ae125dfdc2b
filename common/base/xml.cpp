#include "base/xml.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

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

}  // namespace

std::string to_xml_characters(std::string_view bytes) {
  constexpr auto is_odd = [](char c) { return (c < ' ' && c != '\t') || c > '~'; };
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto plain = std::find_if(bytes.begin(), bytes.end(), is_odd) - bytes.begin();
    text += bytes.substr(0, static_cast<std::size_t>(plain));
    bytes.remove_prefix(static_cast<std::size_t>(plain));
    if (bytes.empty()) break;
    const auto next = first_character(bytes);
    const bool taken = next.well_formed && is_xml_character(next.character);
    text += taken ? bytes.substr(0, next.size) : "\xEF\xBF\xBD";  // U+FFFD
    bytes.remove_prefix(next.size);
  }
  return text;
}

std::string xml_escaped(std::string_view bytes) {
  std::string text;
  for (const char each : to_xml_characters(bytes)) {
    const auto* const found = std::ranges::find(references, each, &Reference::character);
    text += found == references.end() ? std::string_view(&each, 1) : found->text;
  }
  return text;
}

}  // namespace poetry::base
