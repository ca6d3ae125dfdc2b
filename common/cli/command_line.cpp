#include "cli/command_line.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <boost/program_options.hpp>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "base/sealed_text.hpp"
#include "base/unknown_name.hpp"
#include "cli/help.hpp"
#include "cli/standard_output.hpp"

namespace poetry::cli {
namespace {

namespace po = boost::program_options;

const Option* find(const Tool& tool, std::string_view name) {
  const auto at = std::ranges::find(tool.options, name, &Option::name);
  return at == tool.options.end() ? nullptr : &*at;
}

/// A name given and its value, in the order given; an empty name is an operand.
using Given = std::pair<std::string, std::string>;
/// Of each name the value that was given last.
using LastGiven = std::map<std::string, std::string, std::less<>>;

std::string in_brackets(const std::string& text) { return text.empty() ? "" : " (" + text + ")"; }

[[noreturn]] void refuse(const Tool& tool, const po::error_with_option_name& error) {
  const auto name = error.get_option_name();
  if (dynamic_cast<const po::unknown_option*>(&error) != nullptr) {
    std::vector<std::string> valid;
    for (const auto& option : tool.options) valid.push_back("--" + option.name);
    throw base::UsageError("unknown option" + in_brackets(base::suggestion(name, valid)), name);
  }
  const auto* syntax = dynamic_cast<const po::invalid_syntax*>(&error);
  if (syntax != nullptr && syntax->kind() == po::invalid_syntax::extra_parameter)
    throw base::UsageError("option takes no argument", name);
  throw base::UsageError("option needs an argument", name);
}

/// Whether it stands in a word of its own behind an option that does without a value, and cannot be
/// meant for one.
bool is_operand(const Option& option, const po::option& given) {
  return is_optional(option.argument) && given.original_tokens.size() > 1 && !given.value.empty() &&
         given.value.front().find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos;
}

std::vector<Given> split_command_line(const Tool& tool, int argc, const char* const* argv) {
  po::options_description table;
  for (const auto& option : tool.options) {
    std::string names = option.name;
    if (option.letter != 0) names.append(",").push_back(option.letter);
    if (option.argument.empty()) {
      table.add_options()(names.c_str(), "");
    } else if (is_optional(option.argument)) {
      table.add_options()(names.c_str(), po::value<std::string>()->implicit_value(""), "");
    } else {
      table.add_options()(names.c_str(), po::value<std::string>(), "");
    }
  }
  namespace style = po::command_line_style;
  std::vector<Given> given;
  try {
    // Abbreviations are not allowed: a script's "--del" would break with the next option's name.
    const int gnu = style::unix_style & ~style::allow_guessing;
    const auto parsed = po::command_line_parser(argc, argv).options(table).style(gnu).run();
    for (const auto& option : parsed.options) {
      const auto* known = find(tool, option.string_key);
      const bool alone = known != nullptr && (option.value.empty() || is_operand(*known, option));
      if (alone) given.emplace_back(known->name, known->argument.empty() ? "true" : "");
      for (const auto& value : option.value)
        given.emplace_back(alone ? "" : option.string_key, value);
    }
  } catch (const po::error_with_option_name& error) {
    refuse(tool, error);
  }
  return given;
}

/// Of a configuration file, so that a wrong path takes neither time nor memory.
constexpr std::uint64_t max_config = std::uint64_t{1} << 20;

/// Sets what `path` says, except for the names in `overridden`.
void read_config(const Tool& tool, const std::string& path, const LastGiven& overridden) {
  const auto bytes = base::SealedText::read(path, max_config);
  const auto trimmed = [](std::string_view text) {
    return boost::trim_copy_if(text, boost::is_any_of(" \t\r"));
  };
  std::istringstream file{std::string(bytes->bytes())};
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto text = trimmed(line);
    if (text.empty() || text.starts_with('#')) continue;
    const auto place = path + ":" + std::to_string(number) + ": ";
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
      throw base::UsageError(place + "not 'name = value'", text);
    const auto name = trimmed(text.substr(0, equals));
    const auto* option = find(tool, name);
    if (option == nullptr || !option->shown) {
      std::vector<std::string> valid;
      for (const auto& each : tool.options)
        if (each.shown) valid.push_back(each.name);
      auto what = place;
      what.append("unknown key").append(in_brackets(base::suggestion(name, valid)));
      throw base::UsageError(what, name);
    }
    if (overridden.contains(name)) continue;
    base::naming(place + option->name, [&] { option->set(trimmed(text.substr(equals + 1))); });
  }
}

std::string settings(const Tool& tool) {
  std::string text;
  for (const auto& option : tool.options) {
    if (!option.shown) continue;
    for (const auto& value : option.shown())
      if (!value.empty()) text.append(option.name).append(" = ").append(value).append("\n");
  }
  return text;
}

void apply(const Tool& tool, const std::vector<Given>& given) {
  for (const auto& [name, value] : given) {
    if (name.empty()) {
      if (!tool.operand_set) throw base::UsageError("unexpected argument", value);
      tool.operand_set(value);
      continue;
    }
    const auto* option = find(tool, name);
    if (option->set) base::naming("--" + name, [&, &text = value] { option->set(text); });
  }
}

}  // namespace

std::string engines_line(const std::vector<std::string>& names) {
  return fmt::format("Engines: {}", fmt::join(names, " "));
}

void begin_group(Tool& tool, std::string name, std::string title) {
  tool.groups.push_back({std::move(name), std::move(title), tool.options.size()});
}

bool is_optional(std::string_view argument) {
  return argument.starts_with('[') && argument.find(']') == argument.size() - 1;
}

void add_common_options(Tool& tool, LogOptions& log) {
  auto& options = tool.options;
  options.push_back({"config", 0, "FILE", "read options as 'name = value' lines from FILE"});
  options.push_back({"print-config", 0, "", "print the settings in force and exit"});
  if (tool.command.empty()) {
    options.push_back({"completion", 0, "bash|zsh|fish",
                       "print a script that makes the shell complete this tool, and exit"});
  }
  const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error", "off"};
  options.push_back({"log-level", 0, "LEVEL", "trace, debug, info, warn, error or off", log.level,
                     [take = one_of(log.level, levels)](std::string_view text) {
                       take(text == "warning" ? "warn" : text);  // as others call it
                     },
                     shows(log.level), levels});
  add_option(options, {"log-file", 0, "FILE", "append the log to FILE, not to standard error"},
             log.file);
  const std::vector<std::string> formats{"text", "json"};
  options.push_back({"log-format", 0, "FORMAT", "text or json", log.format,
                     one_of(log.format, formats), shows(log.format), formats});
  options.push_back({"help", 'h', "[GROUP]", "print what is foremost, a GROUP of options, or all"});
  options.push_back({"version", 'V', "", "print the version and exit"});
}

Parsed parse(const Tool& tool, int argc, const char* const* argv) {
  const auto given = split_command_line(tool, argc, argv);
  LastGiven last;
  for (const auto& [name, value] : given) last[name] = value;
  const auto print = [](const std::string& text) {
    write_standard_output(text);
    return Parsed::done;
  };
  if (last.contains("help")) return print(help_text(tool, last["help"]));
  if (last.contains("version")) {
    return print(tool.name + " " + POETRY_VERSION + "\nBuilt with: " + POETRY_BUILT_WITH + "\n" +
                 tool.features + "\n");
  }
  if (last.contains("completion")) return print(completion_script(tool, last["completion"]));
  if (last.contains("config")) read_config(tool, last["config"], last);
  apply(tool, given);
  return last.contains("print-config") ? print(settings(tool)) : Parsed::run;
}

std::function<void(std::string_view)> into(bool& flag) {
  return [&flag](std::string_view text) {
    if (text != "true" && text != "false") throw base::UsageError("neither true nor false", text);
    flag = text == "true";
  };
}

std::function<void(std::string_view)> into(std::string& text) {
  return [&text](std::string_view given) { text = given; };
}

std::function<void(std::string_view)> into(base::Duration& duration) {
  return [&duration](std::string_view text) { duration = base::parse_duration(text); };
}

std::function<void(std::string_view)> into(std::uint64_t& count, std::uint64_t min,
                                           std::uint64_t max) {
  return [&count, min, max](std::string_view text) {
    count = base::parse_count(text, "count", min, max);
  };
}

std::function<void(std::string_view)> one_of(std::string& choice, std::vector<std::string> valid) {
  return [&choice, valid = std::move(valid)](std::string_view text) {
    if (std::ranges::find(valid, text) == valid.end())
      throw base::unknown_name("word", valid, text);
    choice = text;
  };
}

void add_choice(std::vector<Option>& options, Option option, std::string& choice) {
  std::vector<std::string> valid;
  boost::split(valid, option.argument, [](char each) { return each == '|'; });
  add_option(options, std::move(option), choice);
  options.back().set = one_of(choice, std::move(valid));
}

}  // namespace poetry::cli
