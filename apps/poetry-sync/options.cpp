#include "options.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "cli/completion.hpp"
#include "cli/standard_output.hpp"
#include "fetch/strategy.hpp"

namespace poetry {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t most_threads = 1000;

using Texts = std::vector<std::string>;
using Table = std::vector<Option>;

std::function<Texts()> shows(const bool& flag) {
  return [&flag] { return Texts{flag ? "true" : "false"}; };
}
std::function<Texts()> shows(const std::string& text) {
  return [&text] { return Texts{text}; };
}
std::function<Texts()> shows(const std::uint64_t& count) {
  return [&count] { return Texts{std::to_string(count)}; };
}
std::function<Texts()> shows(const Duration& duration) {
  return [&duration] { return Texts{format_duration(duration)}; };
}
std::function<Texts()> shows(const HostPort& where) {
  return [&where] { return Texts{to_string(where)}; };
}

std::function<void(std::string_view)> into(HostPort& where) {
  return [&where](std::string_view text) { where = parse_host_port(text, 0); };
}
using poetry::into;

Option counted(const std::string& name, const std::string& text, std::uint64_t& count,
               std::uint64_t least, std::uint64_t most) {
  return {name, 0, "N", text, std::to_string(count), into(count, least, most), shows(count)};
}
Option timed(const std::string& name, const std::string& text, Duration& duration) {
  return {name, 0, "DUR", text, format_duration(duration), into(duration), shows(duration)};
}

void add_database(Table& table, SyncOptions& o) {
  table.push_back({"database", 'd', "URL", "sqlite:PATH or postgresql://...",
                   "sqlite:~/.local/state/poetry-sync/library.db", into(o.database),
                   shows(o.database)});
}

void add_control(Table& table, SyncOptions& o) {
  table.push_back({"control", 'c', "ADDRESS", "the worker's control port", to_string(o.control),
                   into(o.control), shows(o.control)});
}

void add_token(Table& table, SyncOptions& o) {
  table.push_back({"token-file", 0, "FILE", "its first line is the token that requests bear", "",
                   into(o.token_file), shows(o.token_file)});
}

void add_web(Table& table, SyncOptions& o) {
  auto& web = o.web;
  table.push_back({"listen", 'l', "ADDRESS", "where the page is", to_string(web.listen),
                   into(web.listen), shows(web.listen)});
  table.push_back({"allow-host", 0, "NAME", "another name that the page is asked for by", "",
                   [&web](std::string_view text) { web.hosts.emplace_back(text); },
                   [&web] { return web.hosts; }});
  table.push_back(counted("max-streams", "pages that are kept up to date at once", web.most_streams,
                          1, any_count));
  table.push_back(
      timed("request-timeout", "longest time for a request to come", web.request_timeout));
  table.push_back(timed("keep-alive", "longest time between two requests", web.idle_timeout));
}

void add_worker(Table& table, SyncOptions& o) {
  auto& job = o.job;
  table.push_back(counted("jobs", "jobs at once", o.jobs, 1, most_threads));
  table.push_back({"engine", 'e', "NAME", "how a job's servers are waited for; see poetry-get(1)",
                   job.engine,
                   [&job](std::string_view text) {
                     make_strategy(text);
                     job.engine = text;
                   },
                   shows(job.engine), strategy_names()});
  table.push_back(
      counted("parallel", "poems of a collection at once; 0 is all", job.parallel, 0, any_count));
  table.push_back(
      counted("attempts", "of a job, before it has failed", job.attempts, 1, any_count));
  table.push_back(timed("retry-delay", "before the second attempt; it doubles", job.retry_delay));
  table.push_back(
      timed("lease", "a worker that is silent for so long has lost its job", job.lease));
  table.push_back(timed("follow-time", "longest time that a weblog is followed", job.follow));
  table.push_back(
      counted("follow-records", "records of a weblog, at most", job.records, 1, any_count));
  table.push_back(
      timed("connect-timeout", "longest time to connect; 0 no limit", job.fetch.connect_timeout));
  table.push_back(timed("idle-timeout", "longest silence; 0 no limit", job.fetch.idle_timeout));
  table.push_back(
      timed("timeout", "longest time for a poem in all; 0 no limit", job.fetch.timeout));
}

void add_json(Table& table, SyncOptions& o) {
  table.push_back({"json", 0, "", "print JSON", "", into(o.json), shows(o.json)});
}

void add_name(Table& table, SyncOptions& o) {
  table.push_back({"name", 'n', "NAME", "what the record is called, instead of its address", "",
                   into(o.name), shows(o.name)});
}

void add_wait(Table& table, SyncOptions& o) {
  table.push_back(
      {"wait", 'w', "", "follow the log to the job's end", "", into(o.wait), shows(o.wait)});
}

void add_follow(Table& table, SyncOptions& o) {
  table.push_back(
      {"follow", 'f', "", "go on until the job is over", "", into(o.follow), shows(o.follow)});
}

struct Command {
  std::string name;
  std::vector<std::string> operands;
  std::string about;
  std::vector<void (*)(Table&, SyncOptions&)> options;
};

/// In the order of the man page.
const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"serve",
       {},
       "Runs the page, the queue and a worker in one process.",
       {add_database, add_web, add_control, add_token, add_worker}},
      {"web", {}, "Runs the page alone.", {add_database, add_web, add_token}},
      {"worker", {}, "Runs a worker alone.", {add_database, add_control, add_token, add_worker}},
      {"add",
       {"TYPE", "ADDRESS"},
       "Adds a record: a poem, a collection or a weblog.",
       {add_database, add_name, add_json}},
      {"remove", {"ID"}, "Removes a record and all that was stored of it.", {add_database}},
      {"list", {}, "Lists the records.", {add_database, add_json}},
      {"request",
       {"TYPE", "ID"},
       "Asks a worker to sync a record.",
       {add_control, add_token, add_wait, add_json}},
      {"status",
       {},
       "Tells how many jobs there are, and which are under way.",
       {add_database, add_json}},
      {"log", {"JOB"}, "Prints the log of a job.", {add_database, add_follow, add_json}},
      {"cancel", {"JOB"}, "Cancels a job.", {add_database, add_json}},
      {"retry",
       {"JOB"},
       "Syncs the record of a job that failed or was cancelled again.",
       {add_database, add_json}},
      {"quit", {}, "Asks a worker to stop.", {add_control, add_token}},
  };
  return all;
}

const Command* find(std::string_view name) {
  const auto at = std::ranges::find(commands(), name, &Command::name);
  return at == commands().end() ? nullptr : &*at;
}

Tool tool_of(const Command& command, SyncOptions& options) {
  Tool tool;
  tool.name = "poetry-sync " + command.name;
  tool.synopsis = "[OPTIONS]";
  for (const auto& operand : command.operands) tool.synopsis += " " + operand;
  tool.about = command.about;
  tool.operands = Operands::words;
  tool.operand_set = [&options, &command](std::string_view text) {
    if (options.operands.size() >= command.operands.size()) {
      throw UsageError("unexpected argument", text);
    }
    options.operands.emplace_back(text);
  };
  for (const auto& add : command.options) add(tool.options, options);
  add_common_options(tool, options.log);
  return tool;
}

}  // namespace

Parsed parse_sync_options(int argc, const char* const* argv, SyncOptions& options) {
  options.database = default_database();
  const bool named = argc > 1 && argv[1][0] != '-';
  if (named) options.command = argv[1];
  const auto* const command = find(options.command);
  if (command == nullptr) throw UsageError("unknown command", options.command);
  const int skipped = named ? 1 : 0;
  if (parse(tool_of(*command, options), argc - skipped, argv + skipped) == Parsed::done) {
    return Parsed::done;
  }
  if (options.operands.size() < command->operands.size()) {
    throw UsageError("missing operand", command->operands[options.operands.size()]);
  }
  return Parsed::run;
}

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

}  // namespace poetry
