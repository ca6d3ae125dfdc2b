// What a shell may complete where an option wants a value. Shared by the shells' scripts.
#pragma once

#include <string>
#include <string_view>

#include "cli/command_line.hpp"

namespace poetry::cli {

/// What may stand where a value is wanted.
enum class Values { none, words, file, directory, other };

struct OptionValues {
  Values values = Values::none;
  std::string words;  ///< separated by blanks
};

/// From the option's own list, or from its argument: "FILE", "ordered|live|none", "N|forever".
OptionValues completion_of(const Option& option);

/// Adds one behind a blank.
void add_word(std::string& words, std::string_view word);

}  // namespace poetry::cli
