#include "cli/help.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/algorithm/string/erase.hpp>
#include <boost/algorithm/string/replace.hpp>
#include <utility>

#include "base/unknown_name.hpp"

namespace poetry::cli {
namespace {

using HelpLine = std::pair<std::string, std::string>;
using Lines = std::vector<HelpLine>;

constexpr std::size_t max_width = 80;

/// The words of `text` in lines, all but the first behind `indent` blanks; the first goes on at
/// `column`.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t column) {
  std::string lines;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \n", at)) != std::string_view::npos;) {
    const auto word = text.substr(at, std::min(text.find_first_of(" \n", at), text.size()) - at);
    if (column > indent && column + 1 + word.size() > max_width) {
      lines.append("\n").append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      lines += ' ';
      ++column;
    }
    lines.append(word);
    column += word.size();
    at += word.size();
  }
  return lines += '\n';
}

std::size_t width_of(const Lines& lines) {
  std::size_t width = 0;
  for (const auto& [name, about] : lines) width = std::max(width, name.size());
  return width;
}

/// Lines of a name and what it is, in two columns.
std::string in_columns(const Lines& lines, std::size_t width) {
  std::string text;
  for (const auto& [name, about] : lines) {
    text.append("  ").append(name).append(width - name.size() + 2, ' ');
    text.append(wrapped(about, width + 4, width + 4));
  }
  return text;
}

HelpLine line_of(const Option& option) {
  std::string name = option.letter != 0 ? std::string{'-', option.letter, ',', ' '} : "    ";
  name.append("--").append(option.name);
  if (!option.argument.empty()) name.append(" ").append(option.argument);
  auto about = option.text;
  if (!option.standard.empty()) about.append(" (default: ").append(option.standard).append(")");
  return {name, about};
}

/// Whether --help tells it: of all that is told, the foremost, unless a topic says which.
bool tells(const Tool& tool, const Option& option, std::string_view topic) {
  if (option.text.empty()) return false;
  if (!topic.empty()) return true;
  if (!tool.commands.empty()) {  // the help of each command tells its own
    const auto& own = tool.commands.front().options;
    return option.name == "help" || option.name == "version" ||
           std::ranges::find(own, option.name, &Option::name) == own.end();
  }
  const auto& foremost = tool.foremost;
  return foremost.empty() || std::ranges::find(foremost, option.name) != foremost.end();
}

/// The options under their groups' titles, in columns that are the same for all.
std::string options_text(const Tool& tool, std::string_view topic) {
  std::vector<std::pair<std::string, Lines>> parts;
  std::size_t width = 0;
  for (std::size_t i = 0; i < tool.groups.size(); ++i) {
    const auto& group = tool.groups[i];
    const auto end = i + 1 < tool.groups.size() ? tool.groups[i + 1].first : tool.options.size();
    if (!topic.empty() && topic != "all" && topic != group.name) continue;
    Lines lines;
    for (auto at = group.first; at < end; ++at)
      if (tells(tool, tool.options[at], topic)) lines.push_back(line_of(tool.options[at]));
    width = std::max(width, width_of(lines));
    if (!lines.empty()) parts.emplace_back(group.title, std::move(lines));
  }
  std::string text;
  for (const auto& [title, lines] : parts) {
    text.append(text.empty() ? "" : "\n").append(title).append(":\n");
    text.append(in_columns(lines, width));
  }
  return text;
}

std::string usage_text(const Tool& tool) {
  const auto name = tool.command.empty() ? tool.name : tool.name + " " + tool.command;
  const auto next_line = "\n       " + name + " ";
  return "Usage: " + name + " " + boost::replace_all_copy(tool.synopsis, "\n", next_line) + "\n";
}

/// Where more is told.
std::string rest_text(const Tool& tool) {
  auto manual = "Manual: man " + tool.name + "\n";
  if (!tool.commands.empty()) return "More: " + tool.name + " --help COMMAND|all\n" + manual;
  if (tool.foremost.empty()) return manual;
  return "More: " + tool.name + fmt::format(" --help {}\n", fmt::join(help_topics(tool), "|")) +
         manual;
}

}  // namespace

std::vector<std::string> help_topics(const Tool& tool) {
  std::vector<std::string> topics;
  for (const auto& each : tool.commands) topics.push_back(each.command);
  if (tool.commands.empty())
    for (const auto& group : tool.groups) topics.push_back(group.name);
  topics.emplace_back("all");
  return topics;
}

std::string help_text(const Tool& tool, std::string_view topic) {
  const auto command = std::ranges::find(tool.commands, topic, &Tool::command);
  if (command != tool.commands.end()) return help_text(*command, "");
  const auto topics = help_topics(tool);
  if (!topic.empty() && std::ranges::find(topics, topic) == topics.end())
    throw base::unknown_name(tool.commands.empty() ? "group of options" : "command", topics, topic);
  if (!topic.empty() && topic != "all") return options_text(tool, topic);
  std::string text = usage_text(tool) + "\n" + wrapped(tool.about, 0, 0) + "\n";
  if (!tool.examples.empty()) text += "Examples:\n";
  for (const auto& [line, about] : tool.examples)
    text.append("  ").append(line).append("\n      ").append(about).append("\n");
  if (!tool.examples.empty()) text += "\n";
  Lines commands;
  for (const auto& each : tool.commands) {
    const auto usage = each.command + " " + each.synopsis;
    commands.emplace_back(boost::erase_first_copy(usage, " [OPTIONS]"), each.about);
  }
  if (!commands.empty()) text += "Commands:\n" + in_columns(commands, width_of(commands)) + "\n";
  return text.append(options_text(tool, topic)).append("\n").append(rest_text(tool));
}

}  // namespace poetry::cli
