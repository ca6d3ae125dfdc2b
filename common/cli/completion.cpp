#include "cli/completion.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace poetry {
namespace {

/// What may stand where a value is wanted.
enum class Values { none, words, file, directory, other };

struct Completion {
  Values values = Values::none;
  std::string words;  // separated by blanks
};

void add_word(std::string& words, std::string_view word) {
  words.append(words.empty() ? "" : " ").append(word);
}

/// From the option's own list, or from its argument: "FILE", "ordered|live|none", "N|forever".
Completion completion_of(const Option& option) {
  Completion completion;
  for (const auto& word : option.words) add_word(completion.words, word);
  const std::string_view argument = option.argument;
  if (completion.words.empty() && argument.find('|') != std::string_view::npos) {
    for (std::size_t at = 0; at <= argument.size();) {
      const auto end = std::min(argument.find('|', at), argument.size());
      const auto word = argument.substr(at, end - at);
      if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos) {
        add_word(completion.words, word);
      }
      at = end + 1;
    }
  }
  completion.values = argument.empty()            ? Values::none
                      : !completion.words.empty() ? Values::words
                      : argument == "FILE"        ? Values::file
                      : argument == "DIR"         ? Values::directory
                                                  : Values::other;
  return completion;
}

/// "poetry_server", a name that every shell takes for a function's.
std::string function_name(const Tool& tool) {
  std::string name = tool.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

/// With a backslash before each of `special`.
std::string escaped(std::string_view text, std::string_view special) {
  std::string result;
  for (const char each : text) {
    if (special.find(each) != std::string_view::npos) result += '\\';
    result += each;
  }
  return result;
}

/// Within single quotes, for bash and zsh.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char each : text) {
    if (each == '\'') {
      result += "'\\''";
    } else {
      result += each;
    }
  }
  return result += "'";
}

/// "-d|--delay", a pattern of a case statement.
std::string bash_pattern(const Option& option) {
  auto pattern = "--" + option.name;
  if (option.letter != 0) pattern = std::string{'-', option.letter, '|'} + pattern;
  return pattern;
}

std::string bash_script(const Tool& tool) {
  const auto function = "_" + function_name(tool);
  std::string names;
  std::string cases;
  for (const auto& option : tool.options) {
    add_word(names, "--" + option.name);
    const auto completion = completion_of(option);
    std::string action;
    if (completion.values == Values::words) {
      action =
          "mapfile -t COMPREPLY < <(compgen -W " + quoted(completion.words) + " -- \"$current\")";
    } else if (completion.values == Values::directory) {
      action = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")";
    } else if (completion.values == Values::file) {
      action = "compopt -o default";
    } else if (completion.values == Values::none) {
      continue;
    } else {
      action = ":";
    }
    cases += "    " + bash_pattern(option) + ") " + action + "; return ;;\n";
  }
  return "# bash completion for " + tool.name + "\n" + function + "() {\n" +
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  COMPREPLY=()\n"
         "  # In --name=value, bash takes the = for a word of its own.\n"
         "  if [[ $current == = ]]; then\n"
         "    current=\n"
         "  elif [[ $previous == = ]]; then\n"
         "    previous=${COMP_WORDS[COMP_CWORD-2]}\n"
         "  fi\n"
         "  case $previous in\n" +
         cases +
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W " +
         quoted(names) + " -- \"$current\")\n" +
         (tool.operands == Operands::files ? "  else\n    compopt -o default\n" : "") +
         "  fi\n"
         "}\n"
         "complete -F " +
         function + " " + tool.name + "\n";
}

std::string zsh_script(const Tool& tool) {
  std::string text = "#compdef " + tool.name + "\n\n_arguments -s -S";
  for (const auto& option : tool.options) {
    const auto completion = completion_of(option);
    const bool takes_value = completion.values != Values::none;
    const auto about = "[" + escaped(option.text, "[]:\\") + "]";
    std::string value;
    if (takes_value) value = ":" + escaped(option.argument, ":\\") + ":";
    if (completion.values == Values::words) value += "(" + completion.words + ")";
    if (completion.values == Values::file) value += "_files";
    if (completion.values == Values::directory) value += "_files -/";
    if (completion.values == Values::other) value += " ";
    text += " \\\n  ";
    if (option.letter != 0) {
      text += "'*" + std::string{'-', option.letter} + (takes_value ? "+" : "") +
              quoted(about + value).substr(1) + " \\\n  ";
    }
    text += "'*--" + option.name + (takes_value ? "=" : "") + quoted(about + value).substr(1);
  }
  if (tool.operands == Operands::files) text += " \\\n  '*:file:_files'";
  return text + "\n";
}

std::string fish_script(const Tool& tool) {
  std::string text = "# fish completion for " + tool.name + "\n";
  if (tool.operands != Operands::files) text += "complete -c " + tool.name + " -f\n";
  for (const auto& option : tool.options) {
    const auto completion = completion_of(option);
    text += "complete -c " + tool.name;
    if (option.letter != 0) text += std::string(" -s ") + option.letter;
    text += " -l " + option.name;
    if (completion.values == Values::words) text += " -x -a '" + completion.words + "'";
    if (completion.values == Values::file) text += " -r -F";
    if (completion.values == Values::directory) text += " -x -a '(__fish_complete_directories)'";
    if (completion.values == Values::other) text += " -x";
    text += " -d '" + escaped(option.text, "'\\") + "'\n";
  }
  return text;
}

}  // namespace

std::string completion_script(const Tool& tool, std::string_view shell) {
  if (shell == "bash") return bash_script(tool);
  if (shell == "zsh") return zsh_script(tool);
  if (shell == "fish") return fish_script(tool);
  throw UsageError("unknown shell (valid: bash, zsh, fish)", shell);
}

}  // namespace poetry
