// UTF-8 (RFC 3629), read and written a character at a time, and what XML can carry of bytes of any
// origin. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace poetry::base {

/// In place of what is no UTF-8.
inline constexpr char32_t replacement_character = 0xfffd;

struct Utf8Character {
  char32_t character;  ///< replacement_character where the sequence is ill-formed
  std::size_t size;    ///< bytes of the sequence, or of the maximal subpart of an ill-formed one
  bool well_formed;
};

/// The character that `bytes`, which are not empty, begin with. An ill-formed sequence is taken by
/// its maximal subparts (The Unicode Standard, section 3.9, "U+FFFD Substitution of Maximal
/// Subparts").
Utf8Character first_character(std::string_view bytes);

/// `bytes` with U+FFFD in place of all that is no UTF-8, one for each maximal subpart of an
/// ill-formed sequence.
std::string valid_utf8(std::string_view bytes);

/// The same, and U+FFFD in place of each character outside the production Char of XML 1.0.
std::string to_xml_characters(std::string_view bytes);

/// The same as content or in an attribute between double quotes, where white space other than a
/// space would otherwise be normalized (XML 1.0, sections 2.11 and 3.3.3).
std::string xml_escaped(std::string_view bytes);

std::string to_utf8(std::u32string_view text);

}  // namespace poetry::base
