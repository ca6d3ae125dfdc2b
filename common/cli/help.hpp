// What --help prints, made from a tool's option table.
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace poetry::cli {

/// Synopsis, a sentence, the commands and the options. A tool with commands shows of its options
/// those that its first command does not have, and --help and --version.
std::string help_text(const Tool& tool);

}  // namespace poetry::cli
