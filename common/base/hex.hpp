// Bytes as hexadecimal digits. Pure functions.
#pragma once

#include <boost/algorithm/hex.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace poetry::base {

/// Two lower-case digits a byte.
inline std::string to_hex(std::string_view bytes) {
  return boost::algorithm::hex_lower(std::string(bytes));
}

/// The bytes that such a text stands for, in upper or lower case; none where it is not one.
inline std::optional<std::string> parse_hex(std::string_view text) {
  try {
    return boost::algorithm::unhex(std::string(text));
  } catch (const boost::algorithm::hex_decode_error&) {
    return std::nullopt;
  }
}

}  // namespace poetry::base
