// The options of one tool: one table from which the parser, --help, --print-config and the config
// file all follow. A tool's options.cpp fills the table; values arrive in the tool's options
// struct.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/quantity.hpp"
#include "cli/log.hpp"

namespace poetry::cli {

/// One option. `set` takes the text and raises UsageError, and is called as often as the option is
/// given; `shown` is the value as --print-config writes it, a line each (empty: no line). Only an
/// option with `shown` may stand in a config file.
struct Option {
  std::string name;  ///< "delay"
  char letter = 0;   ///< 'd', or 0
  std::string
      argument;  ///< "DUR"; empty for a switch, which is set with "true"; "[GROUP]" may be left out
  std::string text;  ///< one line for --help; empty: accepted for old scripts, and not told
  std::string standard = {};  ///< the default as --help prints it; empty for none
  std::function<void(std::string_view)> set = {};
  std::function<std::vector<std::string>()> shown = {};
  std::vector<std::string> words = {};  ///< values that a shell may complete
};

/// A part of a tool's options, for --help: those from one up to the next group's first.
struct OptionGroup {
  std::string name;   ///< "limits", which --help takes
  std::string title;  ///< "When to give up"
  std::size_t first;  ///< among the tool's options
};

/// What stands on the command line beside the options.
enum class Operands { none, files, words };

struct Tool {
  std::string name;             ///< "poetry-server"
  std::string synopsis;         ///< after the name, one line each
  std::string about;            ///< a sentence or two
  std::string features;         ///< the last line of --version: what was built in
  std::vector<Option> options;  ///< in the order of struct and man page
  std::vector<OptionGroup> groups = {};
  std::vector<std::string> foremost = {};  ///< that --help alone tells; empty: all
  /// Command lines for --help to begin with, and what each does.
  std::vector<std::pair<std::string, std::string>> examples = {};
  Operands operands = Operands::none;
  std::function<void(std::string_view)> operand_set;  ///< takes a word without an option
  std::vector<std::string> words = {};  ///< that a shell may complete as the first operand
  std::string command = {};             ///< "add", where this is one command of the tool
  /// A tool's commands, for help and completion; who calls parse() picks one. The first is what
  /// the tool does without a command, and its options are among the tool's.
  std::vector<Tool> commands = {};
};

/// "Engines: asio select ...", for Tool::features.
std::string engines_line(const std::vector<std::string>& names);

/// What parse() decided: go on, or end with this status, having printed help, version or settings.
enum class Parsed { run, done };

/// Puts the options that are appended from now on into a group.
void begin_group(Tool& tool, std::string name, std::string title);

/// The options every tool has: --config, --print-config, --completion, --log-level, --log-file,
/// --log-format, --help, --version, in this order, appended to `tool.options`; `log` takes their
/// values. One command of a tool has no --completion: the tool's own script completes it.
void add_common_options(Tool& tool, LogOptions& log);

/// Whether the value of an option may be left out: "[GROUP]".
bool is_optional(std::string_view argument);

/// Parses a command line (GNU style) and the --config file, of which the command line wins. A value
/// that may be left out stands behind "=" or in the next word, where that is of letters alone.
/// `done` after --help, --version, --completion and --print-config, printed to standard output.
/// Raises UsageError naming the offender, for a config key with file and line.
Parsed parse(const Tool& tool, int argc, const char* const* argv);

/// `set` functions: a switch ("true", "false"), text, a duration, a count in [min, max], and one
/// of a few words. Each raises UsageError naming the text.
std::function<void(std::string_view)> into(bool& flag);
std::function<void(std::string_view)> into(std::string& text);
std::function<void(std::string_view)> into(base::Duration& duration);
std::function<void(std::string_view)> into(std::uint64_t& count, std::uint64_t min,
                                           std::uint64_t max);
std::function<void(std::string_view)> one_of(std::string& choice, std::vector<std::string> valid);

/// `shown` functions of the same.
using Texts = std::vector<std::string>;
template <typename Value>
std::function<Texts()> shows(const Value& value) {
  if constexpr (std::is_same_v<Value, base::Duration>) {
    return [&value] { return Texts{base::format_duration(value)}; };
  } else {
    return [&value] { return Texts{fmt::format("{}", value)}; };
  }
}

/// Appends an option with the two functions of its value, which has its default now.
template <typename Value, typename... Limits>
void add_option(std::vector<Option>& options, Option option, Value& value, Limits... limits) {
  option.set = into(value, limits...);
  option.shown = shows(value);
  if (!option.argument.empty()) option.standard = option.shown().front();
  options.push_back(std::move(option));
}

/// The same where the value is one of the words that the argument lists: "own|any".
void add_choice(std::vector<Option>& options, Option option, std::string& choice);

}  // namespace poetry::cli
