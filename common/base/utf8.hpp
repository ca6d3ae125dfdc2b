// UTF-8 (RFC 3629), read and written a character at a time. Pure functions.
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
/// ill-formed sequence, and of each character that `is_allowed` denies. It is not asked for tabs
/// and what ASCII can print.
std::string valid_utf8(std::string_view bytes, bool (*is_allowed)(char32_t) = nullptr);

std::string to_utf8(std::u32string_view text);

}  // namespace poetry::base
