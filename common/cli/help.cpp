#include "cli/help.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace poetry::cli {
namespace {

using HelpLine = std::pair<std::string, std::string>;
using Lines = std::vector<HelpLine>;

/// Lines of a name and what it is, in two columns.
std::string in_columns(const Lines& lines) {
  std::size_t width = 0;
  for (const auto& [name, about] : lines) width = std::max(width, name.size());
  std::string text;
  for (const auto& [name, about] : lines) {
    text.append("  ").append(name).append(width - name.size() + 2, ' ').append(about) += '\n';
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

/// "add TYPE ADDRESS", but for the options.
std::string usage_of(const Tool& command) {
  auto usage = command.command + " " + command.synopsis;
  const auto options = usage.find(" [OPTIONS]");
  return options == std::string::npos ? usage : usage.erase(options, sizeof " [OPTIONS]" - 1);
}

bool has(const Tool& tool, std::string_view option) {
  return std::ranges::find(tool.options, option, &Option::name) != tool.options.end();
}

}  // namespace

std::string help_text(const Tool& tool) {
  std::string text;
  std::string_view lead = "Usage: ";
  for (std::size_t at = 0; at < tool.synopsis.size();) {
    const auto end = std::min(tool.synopsis.find('\n', at), tool.synopsis.size());
    text.append(lead).append(tool.name).append(tool.command.empty() ? "" : " ");
    text.append(tool.command).append(" ");
    text.append(tool.synopsis, at, end - at).append("\n");
    lead = "       ";
    at = end + 1;
  }
  text.append("\n").append(tool.about).append("\n\n");
  Lines lines;
  for (const auto& each : tool.commands) lines.emplace_back(usage_of(each), each.about);
  if (!lines.empty()) text.append("Commands:\n").append(in_columns(lines)).append("\n");
  lines.clear();
  for (const auto& option : tool.options) {
    // The help of each command tells its own.
    const bool elsewhere = !tool.commands.empty() && option.name != "help" &&
                           option.name != "version" && has(tool.commands.front(), option.name);
    if (!elsewhere && !option.text.empty()) lines.push_back(line_of(option));
  }
  return text.append("Options:\n").append(in_columns(lines));
}

}  // namespace poetry::cli
