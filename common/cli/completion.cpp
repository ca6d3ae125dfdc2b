#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <boost/algorithm/string/split.hpp>
#include <utility>

#include "base/unknown_name.hpp"
#include "cli/help.hpp"

namespace poetry::cli {
namespace {

/// Values of an option, separated by blanks: from its own list, or from its argument, as in
/// "ordered|live|none", "N|forever".
std::string words_of(const Option& option) {
  auto given = option.words;
  const bool lists = given.empty() && option.argument.find('|') != std::string::npos;
  if (lists) boost::split(given, option.argument, [](char each) { return each == '|'; });
  const auto is_no_word = [](const std::string& word) {
    return word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") != std::string::npos;
  };
  if (lists) std::erase_if(given, is_no_word);
  return boost::join(given, " ");
}

/// "poetry_sync_add", a name that every shell takes for a function's.
std::string function_name(const Tool& tool) {
  std::string name = tool.name;
  if (!tool.command.empty()) name += "_" + tool.command;
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
std::string single_quoted(std::string_view text) {
  return "'" + boost::replace_all_copy(std::string(text), "'", "'\\''") + "'";
}

/// What the first operand may be, separated by blanks.
std::string first_words(const Tool& tool) {
  auto words = tool.words;
  for (const auto& each : tool.commands) words.push_back(each.command);
  return boost::join(words, " ");
}

/// Offers those of the words that begin with the current one.
std::string bash_offer(std::string_view words) {
  return "mapfile -t COMPREPLY < <(compgen -W " + single_quoted(words) + " -- \"$current\")";
}

/// How each shell offers the values of an option; empty where it takes none.
struct ValueForms {
  std::string bash;
  std::string zsh;
  std::string fish;
};

ValueForms forms_of(const Option& option) {
  if (option.argument.empty()) return {};
  const auto words = words_of(option);
  // Without -x a value has to follow an equals sign, and may be left out.
  const auto* const needed = is_optional(option.argument) ? "" : " -x";
  if (!words.empty())
    return {bash_offer(words), "(" + words + ")", needed + (" -a '" + words + "'")};
  if (option.argument == "FILE") return {"compopt -o default", "_files", " -r -F"};
  if (option.argument != "DIR") return {":", " ", " -x"};
  return {"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")", "_files -/",
          " -x -a '(__fish_complete_directories)'"};
}

/// The alternatives of a case statement by the word before, and all options' names.
std::pair<std::string, std::string> bash_options(const Tool& tool) {
  std::vector<std::string> names;
  std::string cases;
  for (const auto& option : tool.options) {
    names.push_back("--" + option.name);
    if (option.argument.empty()) continue;
    const auto letter = option.letter == 0 ? "" : std::string{'-', option.letter, '|'};
    cases += "    " + letter + "--" + option.name + ") " + forms_of(option).bash + "; return ;;\n";
  }
  return {cases, boost::join(names, " ")};
}

/// The first word that is a command's decides, since options may stand before it.
std::string bash_dispatch(const Tool& tool) {
  if (tool.commands.empty()) return {};
  std::string cases;
  for (const auto& each : tool.commands) {
    cases += "      " + each.command + ") _" + function_name(each) + "; return ;;\n";
  }
  return "  local word\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in\n" +
         cases + "    esac\n  done\n";
}

std::string bash_function(const Tool& tool) {
  std::string text;
  for (const auto& each : tool.commands) text += bash_function(each);
  const auto [cases, names] = bash_options(tool);
  const auto words = first_words(tool);
  std::string operand;
  if (tool.operands == Operands::files) operand = "  else\n    compopt -o default\n";
  if (!words.empty()) operand = "  else\n    " + bash_offer(words) + "\n";
  return text + "_" + function_name(tool) + "() {\n" + bash_dispatch(tool) +
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
         "    " +
         bash_offer(names) + "\n" + operand +
         "  fi\n"
         "}\n";
}

std::string bash_script(const Tool& tool) {
  return "# bash completion for " + tool.name + "\n" + bash_function(tool) + "complete -F _" +
         function_name(tool) + " " + tool.name + "\n";
}

std::string zsh_arguments(const Tool& tool) {
  std::string text = "_arguments -s -S";
  for (const auto& option : tool.options) {
    const bool takes_value = !option.argument.empty();
    const auto about = "[" + escaped(option.text, "[]:\\") + "]";
    std::string value;
    if (takes_value) value = ":" + escaped(option.argument, ":\\") + ":";
    if (is_optional(option.argument)) value.insert(0, ":");
    const auto rest = single_quoted(about + value + forms_of(option).zsh).substr(1);
    text += " \\\n  '*";
    if (option.letter != 0)
      text += std::string{'-', option.letter} + (takes_value ? "+" : "") + rest + " \\\n  '*";
    text += "--" + option.name + (takes_value ? "=" : "") + rest;
  }
  if (tool.operands == Operands::files) text += " \\\n  '*:file:_files'";
  const auto words = first_words(tool);
  if (!words.empty()) text += " \\\n  '1:first word:(" + words + ")'";
  return text + "\n";
}

std::string zsh_script(const Tool& tool) {
  std::string text = "#compdef " + tool.name + "\n\n";
  if (!tool.commands.empty()) {
    text += "local -i at\nfor (( at = 2; at < CURRENT; at++ )); do\n  case $words[at] in\n";
    for (const auto& each : tool.commands) {
      text += each.command + ")\nwords[at]=()\n(( CURRENT-- ))\n" + zsh_arguments(each) +
              "return\n;;\n";
    }
    text += "  esac\ndone\n";
  }
  return text + zsh_arguments(tool);
}

/// Lines that complete `tool` where `condition` holds, which is empty or " -n '...'".
std::string fish_options(const Tool& tool, const std::string& condition) {
  std::string text;
  const auto begin = "complete -c " + tool.name + condition;
  for (const auto& option : tool.options) {
    text += begin;
    if (option.letter != 0) text += std::string(" -s ") + option.letter;
    text += " -l " + option.name + forms_of(option).fish;
    text += " -d '" + escaped(option.text, "'\\") + "'\n";
  }
  for (const auto& word : tool.words) text.append(begin).append(" -a ").append(word) += '\n';
  return text;
}

std::string fish_script(const Tool& tool) {
  std::string text = "# fish completion for " + tool.name + "\n";
  if (tool.operands != Operands::files) text += "complete -c " + tool.name + " -f\n";
  if (tool.commands.empty()) return text + fish_options(tool, "");
  // Whether this is the command; without one, whether none stands there.
  const auto function = "__" + function_name(tool) + "_command";
  text += "function " + function +
          "\n  set -l command ''\n  for word in (commandline -opc)[2..-1]\n"
          "    contains -- $word " +
          first_words(tool) +
          "; and set command $word; and break\n  end\n"
          "  test \"$command\" = \"$argv[1]\"\nend\n";
  const auto condition = [&function](const std::string& command) {
    return " -n '" + function + " \"" + command + "\"'";
  };
  text += fish_options(tool, condition(""));
  for (const auto& each : tool.commands) {
    text += "complete -c " + tool.name + condition("") + " -a " + each.command + " -d '" +
            escaped(each.about, "'\\") + "'\n" + fish_options(each, condition(each.command));
  }
  return text;
}

/// Leaves out what is not told, and adds what --help takes.
void prepare(Tool& tool) {
  std::erase_if(tool.options, [](const Option& option) { return option.text.empty(); });
  for (auto& option : tool.options) {
    if (option.name == "help") option.words = help_topics(tool);
  }
  for (auto& each : tool.commands) prepare(each);
}

}  // namespace

std::string completion_script(Tool tool, std::string_view shell) {
  prepare(tool);
  if (shell == "bash") return bash_script(tool);
  if (shell == "zsh") return zsh_script(tool);
  if (shell == "fish") return fish_script(tool);
  throw base::unknown_name("shell", {"bash", "zsh", "fish"}, shell);
}

}  // namespace poetry::cli
