#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/find_format.hpp>
#include <boost/algorithm/string/finder.hpp>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>

#include "base/unknown_name.hpp"
#include "cli/completion_forms.hpp"
#include "cli/help.hpp"

namespace poetry::cli {
namespace {

namespace json = boost::json;

/// The values that a form is filled with, from the outer to the inner.
using Scopes = std::vector<const json::object*>;

/// Fills a form: {{name}} stands for a text; {{#name}}...{{/name}} is there where that is not
/// empty, or for each object of a list, whose values come before those around it, and
/// {{^name}}...{{/name}} where it is empty, as what has no value is. A line of such a mark alone is
/// none of the text's.
std::string filled(std::string_view form, const Scopes& scopes) {
  std::string text;
  for (auto at = form.find("{{"); at != std::string_view::npos; at = form.find("{{")) {
    text += form.substr(0, at);
    auto name = form.substr(at + 2, form.find("}}", at) - at - 2);
    form.remove_prefix(at + name.size() + 4);
    const char mark = name.front();
    if (mark == '#' || mark == '^') name.remove_prefix(1);
    const auto has = [name](const json::object* each) { return each->contains(name); };
    const auto scope = std::find_if(scopes.rbegin(), scopes.rend(), has);
    const auto value = scope == scopes.rend() ? json::value("") : (*scope)->at(name);
    const auto* const words = value.if_string();
    if (words != nullptr && mark != '#' && mark != '^') {
      text.append(words->data(), words->size());
      continue;
    }
    if (form.starts_with('\n')) form.remove_prefix(1);
    const auto end = fmt::format("{{{{/{}}}}}", name);
    const auto part = form.substr(0, form.find(end));
    form.remove_prefix(part.size() + end.size() + (part.ends_with('\n') ? 1 : 0));
    if (words != nullptr && words->empty() == (mark == '^')) text += filled(part, scopes);
    if (words != nullptr) continue;
    for (const auto& each : value.as_array()) {
      auto inner = scopes;
      inner.push_back(&each.as_object());
      text += filled(part, inner);
    }
  }
  return text.append(form);
}

/// Values of an option, separated by blanks: from its own list, or from its argument, as in
/// "ordered|live|none", "N|forever".
std::string words_of(const Option& option) {
  if (!option.words.empty()) return boost::join(option.words, " ");
  std::vector<std::string> words;
  boost::split(words, option.argument, [](char each) { return each == '|'; });
  std::erase_if(words, [](const std::string& word) {
    return word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") != std::string::npos;
  });
  return boost::join(words, " ");
}

/// With a backslash before each of `special`.
std::string escaped(const std::string& text, std::string_view special) {
  return boost::find_format_all_copy(
      text, boost::token_finder(boost::is_any_of(special)),
      [](const auto& found) { return "\\" + std::string(found.begin(), found.end()); });
}

/// A member of the argument's name lets a form ask whether it is a FILE or a DIR.
json::object model_of(const Option& option) {
  const std::string letter(option.letter == 0 ? 0 : 1, option.letter);
  json::array spellings;
  if (!letter.empty()) spellings.push_back({{"spelling", "-" + letter}, {"sign", "+"}});
  spellings.push_back({{"spelling", "--" + option.name}, {"sign", "="}});
  return {{"name", option.name},
          {"letter", letter},
          {"spellings", std::move(spellings)},
          {"argument", option.argument},
          {option.argument, option.argument},
          {"optional", is_optional(option.argument) ? "optional" : ""},
          {"words", words_of(option)},
          {"zsh_argument", escaped(option.argument, ":\\")},
          {"zsh_text", boost::replace_all_copy(escaped(option.text, "[]:\\"), "'", "'\\''")},
          {"fish_text", escaped(option.text, "'\\")}};
}

json::object model_of(const Tool& tool) {
  json::array options;
  json::array operands;
  std::vector<std::string> names;
  auto first_words = tool.words;
  for (auto option : tool.options) {
    if (option.text.empty()) continue;
    if (option.name == "help") option.words = help_topics(tool);
    names.push_back("--" + option.name);
    options.push_back(model_of(option));
  }
  for (const auto& word : tool.words) operands.push_back(json::object{{"operand", word}});
  for (const auto& each : tool.commands) first_words.push_back(each.command);
  return {{"tool", tool.name},
          {"command", tool.command},
          {"fish_about", escaped(tool.about, "'\\")},
          {"files", tool.operands == Operands::files ? "files" : ""},
          {"first_words", boost::join(first_words, " ")},
          {"option_names", boost::join(names, " ")},
          {"options", std::move(options)},
          {"operands", std::move(operands)}};
}

}  // namespace

std::string completion_script(const Tool& tool, std::string_view shell) {
  const std::map<std::string_view, std::string_view> forms{
      {"bash", bash_form}, {"zsh", zsh_form}, {"fish", fish_form}};
  const auto form = forms.find(shell);
  if (form == forms.end()) throw base::unknown_name("shell", {"bash", "zsh", "fish"}, shell);
  auto model = model_of(tool);
  const json::value of_tool = model;
  json::array commands;
  for (const auto& each : tool.commands) commands.push_back(model_of(each));
  auto& tools = model["tools"].emplace_array() = commands;
  tools.insert(tools.begin(), of_tool);
  auto& functions = model["functions"].emplace_array() = commands;
  functions.push_back(of_tool);
  model["command_names"] = commands.empty() ? "" : model["first_words"];
  model["commands"] = std::move(commands);
  model["underscored"] = boost::replace_all_copy(tool.name, "-", "_");
  return filled(form->second, {&model});
}

}  // namespace poetry::cli
