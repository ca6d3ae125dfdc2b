// Bytes as hexadecimal digits. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace poetry::base {

/// Two lower-case digits a byte.
std::string to_hex(std::string_view bytes);

/// The bytes that such a text stands for, in upper or lower case; none where it is not one.
std::optional<std::string> parse_hex(std::string_view text);

}  // namespace poetry::base
