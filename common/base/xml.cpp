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
  return valid_utf8(bytes, is_xml_character);
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
