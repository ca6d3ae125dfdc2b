#include "options.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/unknown_name.hpp"
#include "fetch/strategy.hpp"

namespace poetry::sync {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t max_threads = 1000;
constexpr auto min_wait = std::chrono::milliseconds(1);
// The lease is renewed with what is written, five times a second at most.
constexpr auto min_lease = std::chrono::milliseconds(300);

using cli::into;
using cli::shows;

cli::Option placed(const std::string& name, char letter, const std::string& text,
                   net::HostPort& where) {
  const auto set = [&where](std::string_view given) { where = net::parse_host_port(given, 0); };
  const auto shown = [&where] { return cli::Texts{net::to_string(where)}; };
  return {name, letter, "ADDRESS", text, net::to_string(where), set, shown};
}

cli::Option switched(const std::string& name, char letter, const std::string& text, bool& on) {
  return {name, letter, "", text, "", into(on), shows(on)};
}

cli::Option worded(const std::string& name, char letter, const std::string& argument,
                   const std::string& text, std::string& word) {
  return {name, letter, argument, text, "", into(word), shows(word)};
}

cli::Option counted(const std::string& name, const std::string& text, std::uint64_t& count,
                    std::uint64_t min, std::uint64_t max = any_count) {
  return {name, 0, "N", text, std::to_string(count), into(count, min, max), shows(count)};
}

cli::Option timed(const std::string& name, const std::string& text, base::Duration& duration,
                  base::Duration min = base::Duration{}) {
  const auto set = [&duration, min](std::string_view given) {
    const auto parsed = base::parse_duration(given);
    if (parsed < min)
      throw base::UsageError("duration is less than " + base::format_duration(min), given);
    duration = parsed;
  };
  return {name, 0, "DUR", text, base::format_duration(duration), set, shows(duration)};
}

/// Options that stand together; each command has some of these groups.
enum class Group { database, page, control, keep_alive, token, worker, own, json };

/// In the order of the man page. Their values arrive in the struct, which has to outlive them.
std::vector<cli::Option> options_of(Group group, SyncOptions& o) {
  using enum Group;
  auto& web = o.web;
  auto& job = o.job;
  switch (group) {
    case database:
      return {{"database", 'd', "URL", "sqlite:PATH or postgresql://...",
               "sqlite:~/.local/state/poetry-sync/library.db", into(o.database),
               [&o] { return cli::Texts{store::without_passwords(o.database, o.database)}; }}};
    case page:
      return {placed("listen", 'l', "where the page is", web.listen),
              {"public-url", 0, "URL", "how browsers reach the page, behind a proxy", "",
               [&web](std::string_view text) { web.url = http::parse_public_url(text); },
               [&web] {
                 return web.url.origin.empty() ? cli::Texts{}
                                               : cli::Texts{web.url.origin + web.url.path + "/"};
               }},
              {"allow-host", 0, "NAME", "another name that the page is asked for by", "",
               [&web](std::string_view text) { web.hosts.emplace_back(text); },
               [&web] { return web.hosts; }},
              switched("metrics-token", 0, "ask for the token at /healthz and /metrics as well",
                       web.metrics_token),
              counted("max-streams", "pages that are kept up to date at once", web.max_streams, 1),
              timed("request-timeout", "longest time for a request to come", web.request_timeout,
                    min_wait)};
    case control:
      return {placed("control", 'c', "the worker's control port", o.control)};
    case keep_alive:
      return {timed("keep-alive", "longest time between two requests of a connection",
                    web.idle_timeout, min_wait)};
    case token:
      return {worded("token-file", 0, "FILE", "its first line is the token that requests bear",
                     o.token_file)};
    case worker:
      return {counted("jobs", "jobs at once", o.jobs, 1, max_threads),
              {"engine", 'e', "NAME", "how a job's servers are waited for; see poetry-get(1)",
               job.engine,
               [&job](std::string_view text) {
                 fetch::find_strategy(text);
                 job.engine = text;
               },
               shows(job.engine), fetch::strategy_names()},
              counted("parallel", "poems of a collection at once; 0 is all", job.parallel, 0),
              counted("attempts", "of a job, before it has failed", job.attempts, 1),
              timed("retry-delay", "before the second attempt; it doubles", job.retry_delay),
              timed("lease", "a worker that is silent for so long has lost its job", job.lease,
                    min_lease),
              counted("max-bytes", "of a record's texts in all", job.max_bytes, 1, INT64_MAX),
              counted("shrink-guard", "percent that a text may lose; 0 is all", job.shrink_guard, 0,
                      100),
              counted("keep-jobs", "of a record that are over", job.keep.jobs, 1, INT32_MAX),
              counted("keep-days", "since a job's end; 0 is however old", job.keep.days, 0, 36'500),
              timed("follow-time", "longest time that a weblog is followed", job.follow, min_wait),
              counted("follow-records", "records of a weblog, at most", job.records, 1),
              timed("connect-timeout", "longest time to connect; 0 no limit",
                    job.fetch.connect_timeout),
              timed("idle-timeout", "longest silence; 0 no limit", job.fetch.idle_timeout),
              timed("timeout", "longest time for a poem in all; 0 no limit", job.fetch.timeout)};
    case own:
      return {
          worded("name", 'n', "NAME", "what the record is called, not by its address", o.name),
          worded("address", 0, "ADDRESS", "where the record's server is from now on", o.address),
          {"every", 0, "DUR", "sync it by itself so often; 0 never", "",
           [&o](std::string_view text) { o.every = store::parse_every(text); },
           [&o] {
             const auto shown =
                 base::format_duration(std::chrono::milliseconds(o.every.value_or(0)));
             return o.every ? cli::Texts{shown} : cli::Texts{};
           }},
          switched("all", 0, "every record, in place of TYPE and ID", o.all),
          switched("wait", 'w', "follow the log to the job's end", o.wait),
          switched("follow", 'f', "go on until the job is over", o.follow),
          worded("poem", 0, "NAME", "this poem of a collection alone", o.poem)};
    case json:
      return {switched("json", 0, "print JSON", o.json)};
  }
  return {};
}

struct Command {
  std::string name;
  std::vector<std::string> operands;  ///< one that begins with [ may be left out
  std::string about;
  std::vector<Group> options;
  std::string own = {};  ///< which of the group's, between blanks
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
      {"add", {"TYPE", "ADDRESS"}, "Adds a record.", {database, own, json}, " name every "},
      {"edit", {"ID"}, "Changes a record.", {database, own, json}, " name address every "},
      {"remove", {"ID"}, "Removes a record and all that was stored of it.", {database}},
      {"list", {}, "Lists the records.", {database, json}},
      {"request",
       {"TYPE", "ID"},
       "Has a worker sync a record.",
       {control, token, own, json},
       " all wait "},
      {"status", {}, "Tells how many jobs there are, and which are under way.", {database, json}},
      {"log", {"JOB"}, "Prints the log of a job.", {database, own, json}, " follow "},
      {"text", {"ID"}, "Prints what was stored of a record.", {database, own}, " poem "},
      {"export", {"DIR"}, "Writes what was stored of each record to a file.", {database}},
      {"import", {"FILE"}, "Adds the records of a list.", {database, json}},
      {"cancel", {"JOB"}, "Cancels a job.", {database, json}},
      {"retry", {"JOB"}, "Syncs the record of a failed or cancelled job again.", {database, json}},
      {"backup", {"FILE"}, "Copies the database to a new file.", {database}},
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
    for (auto& each : options_of(group, options)) {
      const auto own = command.own.find(" " + each.name + " ");
      if (group != Group::own || own < std::string::npos) tool.options.push_back(std::move(each));
    }
  }
  cli::begin_group(tool, "other", "Settings and log");
  cli::add_common_options(tool, options.log);
  for (const auto& operand : command.operands) tool.synopsis += " " + operand;
  tool.about = command.about;
  tool.operand_set = [&options, &command](std::string_view text) {
    if (options.operands.size() >= command.operands.size())
      throw base::UsageError("unexpected argument", text);
    options.operands.emplace_back(text);
  };
  if (!command.operands.empty() && command.operands.front() == "TYPE")
    tool.words = {store::record_type_names.begin(), store::record_type_names.end()};
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

/// Where the first word stands that is neither an option nor the value of one; argc where there is
/// none. What no command has, or asks for help, is left to the tool itself.
int command_at(int argc, const char* const* argv) {
  SyncOptions unused;
  std::vector<cli::Option> known;
  for (const auto& each : commands())
    std::ranges::move(tool_of(each, each.name, unused).options, std::back_inserter(known));
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (!word.starts_with('-')) return at;
    const bool is_long = word.starts_with("--");
    const auto equals = word.find('=');
    for (std::size_t i = 1; i < word.size(); ++i) {
      const auto option = std::ranges::find_if(known, [&](const cli::Option& each) {
        return is_long ? each.name == word.substr(2, equals - 2) : each.letter == word[i];
      });
      if (option == known.end() || cli::is_optional(option->argument)) return argc;
      if (!is_long && option->argument.empty()) continue;
      const bool apart = is_long ? equals == std::string_view::npos : i + 1 == word.size();
      if (apart && !option->argument.empty()) ++at;
      break;
    }
  }
  return argc;
}

}  // namespace

std::string command_in(int argc, const char* const* argv) {
  const auto at = command_at(argc, argv);
  return at < argc && find(argv[at]) != nullptr ? argv[at] : "";
}

cli::Parsed parse_sync_options(int argc, const char* const* argv, SyncOptions& options) {
  options.database = store::default_database();
  const auto named = command_in(argc, argv);
  const auto at = command_at(argc, argv);
  if (named.empty() && at < argc) throw base::unknown_name("command", command_names(), argv[at]);
  std::vector<const char*> words(argv, argv + argc);
  if (!named.empty()) words.erase(words.begin() + at);
  if (!named.empty()) options.command = named;
  const auto& command = *find(options.command);
  const auto tool = named.empty() ? whole_tool(options) : tool_of(command, named, options);
  const auto parsed = cli::parse(tool, static_cast<int>(words.size()), words.data());
  if (parsed == cli::Parsed::done) return cli::Parsed::done;
  if (command.name == "help") {  // as if it were: poetry-sync [COMMAND] --help
    std::vector<const char*> asked{argv[0], "--help"};
    if (!options.operands.empty()) asked.insert(asked.begin() + 1, options.operands[0].c_str());
    return parse_sync_options(static_cast<int>(asked.size()), asked.data(), options);
  }
  if (options.all && !options.operands.empty())
    throw base::UsageError("with --all, unexpected argument", options.operands.front());
  if (!options.all && options.operands.size() < command.operands.size())
    throw base::UsageError("missing operand", command.operands[options.operands.size()]);
  if (options.database.empty() && std::ranges::count(command.options, Group::database) != 0)
    throw base::UsageError("without HOME or XDG_STATE_HOME, this is needed", "--database");
  return cli::Parsed::run;
}

}  // namespace poetry::sync
