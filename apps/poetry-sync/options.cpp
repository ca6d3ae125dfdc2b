#include "options.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <cstdlib>
#include <iterator>

#include "base/error.hpp"
#include "base/unknown_name.hpp"
#include "option_tables.hpp"

namespace poetry::sync {
namespace {

struct Command {
  std::string name;
  std::vector<std::string> operands;  ///< one that begins with [ may be left out
  std::string about;
  std::vector<Group> options;
};

/// In the order of the man page; the first is what runs without a command.
const std::vector<Command>& commands() {
  using enum Group;
  static const std::vector<Command> all{
      {"serve",
       {},
       "Runs the page, the queue and a worker in one process; so without a command.",
       {database, page, control, keep_alive, token, worker}},
      {"web", {}, "Runs the page alone.", {database, page, keep_alive, token}},
      {"worker", {}, "Runs a worker alone.", {database, control, keep_alive, token, worker}},
      {"add",
       {"TYPE", "ADDRESS"},
       "Adds a record: a poem, a collection or a weblog.",
       {database, name, json}},
      {"remove", {"ID"}, "Removes a record and all that was stored of it.", {database}},
      {"list", {}, "Lists the records.", {database, json}},
      {"request", {"TYPE", "ID"}, "Asks a worker to sync a record.", {control, token, wait, json}},
      {"status", {}, "Tells how many jobs there are, and which are under way.", {database, json}},
      {"log", {"JOB"}, "Prints the log of a job.", {database, follow, json}},
      {"cancel", {"JOB"}, "Cancels a job.", {database, json}},
      {"retry",
       {"JOB"},
       "Syncs the record of a job that failed or was cancelled again.",
       {database, json}},
      {"quit", {}, "Asks a worker to stop.", {control, token}},
      {"help", {"[COMMAND]"}, "Prints this, or the help of a command.", {}},
  };
  return all;
}

const Command* find(std::string_view name) {
  const auto at = std::ranges::find(commands(), name, &Command::name);
  return at == commands().end() ? nullptr : &*at;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& each : commands()) names.push_back(each.name);
  return names;
}

/// A command's part of the tool; as the tool itself runs it, where it is called by no name.
cli::Tool tool_of(const Command& command, const std::string& name, SyncOptions& options) {
  cli::Tool tool;
  tool.name = "poetry-sync";
  tool.command = name;
  tool.features = "Databases: SQLite, PostgreSQL by " POETRY_DATABASES;
  tool.synopsis = "[OPTIONS]";
  tool.operands = cli::Operands::words;
  cli::begin_group(tool, "own", "Of this command");
  for (const auto group : command.options) {
    if (group == Group::worker) cli::begin_group(tool, "jobs", "How jobs are carried out");
    std::ranges::copy(options_of({group}, options), std::back_inserter(tool.options));
  }
  cli::begin_group(tool, "other", "Settings and log");
  cli::add_common_options(tool, options.log);
  for (const auto& operand : command.operands) tool.synopsis += " " + operand;
  tool.about = command.about;
  tool.operand_set = [&options, &command](std::string_view text) {
    if (options.operands.size() >= command.operands.size()) {
      throw base::UsageError("unexpected argument", text);
    }
    options.operands.emplace_back(text);
  };
  if (!command.operands.empty() && command.operands.front() == "TYPE") {
    tool.words = {store::record_type_names.begin(), store::record_type_names.end()};
  }
  if (command.name == "help") tool.words = command_names();
  return tool;
}

/// What the command line is without a command: the first one, and what is of all.
cli::Tool whole_tool(SyncOptions& options) {
  auto tool = tool_of(commands().front(), "", options);
  tool.synopsis += "\nCOMMAND [OPTIONS] [OPERAND...]";
  tool.about =
      "Keeps a library of records in step with their servers: a page with a Sync Up button,\n"
      "durable jobs, and workers that carry them out. See the help of each command:\n"
      "poetry-sync COMMAND --help.";
  tool.examples = {{"poetry-sync", "the page, on 127.0.0.1:8080, and a worker"},
                   {"poetry-sync add collection 10000", "a catalog's poems"},
                   {"poetry-sync request collection 1 --wait", "sync it now, and see how"}};
  for (const auto& each : commands()) tool.commands.push_back(tool_of(each, each.name, options));
  return tool;
}

[[noreturn]] void refuse_command(const std::string& name) {
  throw base::unknown_name("command", command_names(), name);
}

/// Whether it opens the database.
bool uses_database(const Command& command) {
  return std::ranges::find(command.options, Group::database) != command.options.end();
}

/// "sqlite:" and a file in $XDG_STATE_HOME/poetry-sync, by default ~/.local/state/poetry-sync (XDG
/// Base Directory Specification). Empty where there is no home directory.
std::string default_database() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  // The specification wants relative ones passed over.
  if (state != nullptr && state[0] == '/') {
    return "sqlite:" + std::string(state) + "/poetry-sync/library.db";
  }
  const char* const home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return "";
  return "sqlite:" + std::string(home) + "/.local/state/poetry-sync/library.db";
}

}  // namespace

std::string command_in(int argc, const char* const* argv) {
  return argc > 1 && find(argv[1]) != nullptr ? argv[1] : "";
}

cli::Parsed parse_sync_options(int argc, const char* const* argv, SyncOptions& options) {
  options.database = default_database();
  const auto named = command_in(argc, argv);
  if (named.empty() && argc > 1 && argv[1][0] != '-') refuse_command(argv[1]);
  if (!named.empty()) options.command = named;
  const auto& command = *find(options.command);
  const auto parsed = named.empty()
                          ? cli::parse(whole_tool(options), argc, argv)
                          : cli::parse(tool_of(command, named, options), argc - 1, argv + 1);
  if (parsed == cli::Parsed::done) return cli::Parsed::done;
  if (command.name == "help") {  // as if it were: poetry-sync [COMMAND] --help
    std::vector<const char*> asked{argv[0], "--help"};
    if (!options.operands.empty()) asked.insert(asked.begin() + 1, options.operands[0].c_str());
    return parse_sync_options(static_cast<int>(asked.size()), asked.data(), options);
  }
  if (options.operands.size() < command.operands.size()) {
    throw base::UsageError("missing operand", command.operands[options.operands.size()]);
  }
  if (options.database.empty() && uses_database(command)) {
    throw base::UsageError("without HOME or XDG_STATE_HOME, this is needed", "--database");
  }
  return cli::Parsed::run;
}

}  // namespace poetry::sync
