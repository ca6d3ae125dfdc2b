#include "session/utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace poetry {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// How a sequence goes on after its first byte (The Unicode Standard, table 3-7).
struct Lead {
  std::size_t size;    ///< of the whole sequence; 0: no sequence begins so
  std::uint8_t least;  ///< bounds of the second byte; all later ones are 80..BF
  std::uint8_t most;
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

/// The size of the sequence, or of the maximal subpart, that `bytes` begins with.
struct Sequence {
  std::size_t size;
  bool well_formed;
};

Sequence first_sequence(std::string_view bytes) {
  const auto lead = lead_of(static_cast<std::uint8_t>(bytes[0]));
  if (lead.size == 0) return {1, false};
  auto least = lead.least;
  auto most = lead.most;
  for (std::size_t size = 1; size < lead.size; ++size) {
    if (size == bytes.size()) return {size, false};
    const auto byte = static_cast<std::uint8_t>(bytes[size]);
    if (byte < least || byte > most) return {size, false};
    least = 0x80;
    most = 0xBF;
  }
  return {lead.size, true};
}

/// Whether XML knows this well-formed sequence: no control character, U+FFFE or U+FFFF.
bool is_xml_character(std::string_view sequence) {
  const auto first = static_cast<std::uint8_t>(sequence[0]);
  if (first < 0x20) return first == '\t' || first == '\n' || first == '\r';
  return sequence != "\xEF\xBF\xBE" && sequence != "\xEF\xBF\xBF";
}

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
    const auto [size, well_formed] = first_sequence(bytes);
    const auto sequence = bytes.substr(0, size);
    text += well_formed && is_xml_character(sequence) ? sequence : replacement;
    bytes.remove_prefix(size);
  }
  return text;
}

}  // namespace poetry
