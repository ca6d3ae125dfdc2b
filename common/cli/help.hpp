// What --help and --completion print, made from a tool's option table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"

namespace poetry::cli {

/// What --help takes: the tool's commands, or its groups, and "all".
std::vector<std::string> help_topics(const Tool& tool);

/// Lines of at most 80 columns, but for words that are longer. Without a topic: synopsis, a
/// sentence, examples, commands, the foremost options by their groups, and where more is told. A
/// tool with commands shows of its options those that its first command does not have, and --help
/// and --version. The topic is a group, of which all is told, "all", or a command. Raises
/// UsageError for any other.
std::string help_text(const Tool& tool, std::string_view topic);

/// The script that makes `shell` ("bash", "zsh" or "fish") complete the tool's command line.
/// Raises UsageError for another shell, listing the valid ones.
std::string completion_script(const Tool& tool, std::string_view shell);

}  // namespace poetry::cli
