// JSON (RFC 8259) as the tools write it: always valid UTF-8, and numbers as people write them.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace poetry::base {

/// A string with its quotes; U+FFFD stands for what is no UTF-8.
std::string json_string(std::string_view text);

/// The shortest number that reads back as `value`: 4.003, where Boost.JSON has 4.003E0. It is
/// finite.
std::string json_number(double value);

enum class JsonSpaces { none, behind_separators };

/// A whole value, in one line.
std::string json_text(const boost::json::value& value, JsonSpaces spaces = JsonSpaces::none);

}  // namespace poetry::base
