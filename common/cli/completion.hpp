// Completion scripts for shells, made from a tool's option table.
#pragma once

#include <string>
#include <string_view>

#include "cli/command_line.hpp"

namespace poetry::cli {

/// The script that makes `shell` ("bash", "zsh" or "fish") complete the tool's command line.
/// Raises UsageError for another shell, listing the valid ones.
std::string completion_script(Tool tool, std::string_view shell);

}  // namespace poetry::cli
