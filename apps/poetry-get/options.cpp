#include "options.hpp"

#include <fmt/ranges.h>

#include <boost/algorithm/string/split.hpp>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/unescape.hpp"
#include "fetch/strategy.hpp"
#include "server_list.hpp"

namespace poetry::get {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t max_repeats = 1'000'000;
constexpr std::uint64_t max_rate = 1'000'000'000;

using cli::add_choice;
using cli::add_option;
using cli::shows;
using cli::Texts;
using Table = std::vector<cli::Option>;

void add_task_options(Table& table, GetOptions& o) {
  auto engines = fetch::strategy_names();
  const auto names = fmt::format("{}; several, or all but spin", fmt::join(engines, ", "));
  engines.emplace_back("all");
  table.push_back({"engine", 'e', "NAMES", names, o.engine,
                   [&o](std::string_view text) {
                     engines_of(std::string(text));
                     o.engine = text;
                   },
                   shows(o.engine), engines});
  table.push_back({"from", 'f', "FILE", "more servers, one a line, # comments; - is standard input",
                   "", [&o](std::string_view text) { o.from.emplace_back(text); },
                   [&o] { return o.from; }});
  table.push_back({"catalog", 0, "ADDRESS", "fetch and check the poems of this server's catalog",
                   "", [&o](std::string_view text) { o.catalog = net::parse_host_port(text); },
                   [&o] { return o.catalog ? Texts{net::to_string(*o.catalog)} : Texts{}; }});
  add_choice(table, {"catalog-hosts", 0, "own|any", "hosts to which that catalog may lead"},
             o.catalog_hosts);
  add_option(table, {"repeat", 'n', "N", "N tasks for each server"}, o.repeat, 1, max_repeats);
  add_option(table, {"parallel", 'j', "N", "at most N tasks in flight; 0 is all"}, o.parallel, 0,
             any_count);
  add_option(table, {"rate", 0, "N", "at most N connects a second; 0 is no limit"}, o.rate, 0,
             max_rate);
}

void add_output_options(Table& table, GetOptions& o) {
  add_option(table, {"output", 'o', "FILE", "the poems go there, in task order"}, o.output);
  add_option(table, {"output-dir", 'O', "DIR", "a file a task goes there"}, o.output_dir);
  add_choice(table,
             {"print", 0, "ordered|live|none",
              "poems in task order, or lines as they come, once, by the first engine"},
             o.print);
  add_option(table, {"raw", 0, "", "poems as they are, also onto a terminal"}, o.raw);
  add_option(table, {"quiet", 'q', "", "no events and no progress"}, o.quiet);
  add_option(table, {"verbose", 'v', "", "every event; else, beyond 20 tasks, failures only"},
             o.verbose);
  add_choice(table, {"report", 0, "text|json|jsonl|csv|none", "form of the report"}, o.report);
  add_option(table, {"report-file", 0, "FILE", "the report goes there, not to standard error"},
             o.report_file);
  table.push_back({"timeline", 0, "[live]", "draw when each task connected, waited, received", "",
                   [&o](std::string_view text) {
                     const bool known = text == "live" || text == "true" || text == "false";
                     if (!known && !text.empty())
                       throw base::UsageError("neither live nor true nor false", text);
                     o.timeline = known ? text : "true";
                   },
                   shows(o.timeline)});
  add_option(table, {"timeline-svg", 0, "FILE", "the same as a picture"}, o.timeline_svg);
  add_option(table, {"animate", 0, "", "the bars of that picture grow in their own time"},
             o.animate);
  add_option(table, {"calls", 0, "", "run once more under strace, and count system calls"},
             o.calls);
  table.push_back(
      {"calls-of", 0, "TASK", "the same, and list those for this task", "",
       [&o](std::string_view text) { o.calls_of = base::parse_count(text, "task", 1, any_count); },
       [&o] { return o.calls_of ? Texts{std::to_string(*o.calls_of)} : Texts{}; }});
}

void add_limit_options(Table& table, GetOptions& o) {
  fetch::FetchOptions& fetch = o.fetch;
  add_option(table,
             {"connect-timeout", 0, "DUR", "longest time to connect, an attempt; 0 no limit"},
             fetch.connect_timeout);
  add_option(table, {"idle-timeout", 0, "DUR", "longest silence; 0 no limit"}, fetch.idle_timeout);
  add_option(table, {"timeout", 0, "DUR", "longest time for a task in all; 0 no limit"},
             fetch.timeout);
  add_option(table, {"retries", 0, "N", "more attempts after a failed or broken connection"},
             fetch.retries, 0, any_count - 1);
  add_option(table, {"retry-delay", 0, "DUR", "time before the first of them"}, fetch.retry_delay);
  add_choice(table, {"retry-backoff", 0, "constant|exponential", "whether it doubles"},
             o.retry_backoff);
  table.push_back(
      {"seed", 0, "N", "seed of what is random in that; without it, from the clock", "",
       [&o](std::string_view text) { o.seed = base::parse_count(text, "seed", 0, any_count); },
       [&o] { return o.seed ? Texts{std::to_string(*o.seed)} : Texts{}; }});
  table.push_back(
      {"max-bytes", 0, "SIZE", "stop a task there, as outcome limit", "",
       [&fetch](std::string_view text) {
         fetch.max_bytes = base::parse_size(text);
         if (fetch.max_bytes == 0) throw base::UsageError("less than 1B", text);
       },
       [&max = fetch.max_bytes] { return Texts{max == any_count ? "" : base::format_size(max)}; }});
}

void add_answer_options(Table& table, GetOptions& o) {
  table.push_back({"send", 0, "TEXT", "send TEXT (@FILE, C escapes) first", "",
                   [&o](std::string_view text) {
                     if (!text.starts_with('@')) base::unescape(text);
                     o.send = text;
                   },
                   [&o] { return Texts{o.send.value_or("")}; }});
  add_option(table, {"half-close", 0, "", "with --send: half-close after it"}, o.half_close);
  // What it asked for is the default now; the settings of old scripts have it as well.
  table.push_back({"hold", 0, "", "", "",
                   [&o](std::string_view text) {
                     bool hold = false;
                     cli::into(hold)(text);
                     if (hold) o.half_close = false;
                   },
                   [] { return Texts{}; }});
  fetch::FetchOptions& fetch = o.fetch;
  table.push_back({"until", 0, "TEXT", "a stream is whole once TEXT (C escapes) has come", "",
                   [&o](std::string_view text) {
                     o.fetch.until.text = base::unescape(text);
                     if (o.fetch.until.text.empty()) throw base::UsageError("no text", text);
                     o.until = text;
                   },
                   [&o] { return Texts{o.until.value_or("")}; }});
  table.push_back({"until-lines", 0, "N", "a stream is whole after N lines", "",
                   cli::into(fetch.until.lines, 1, any_count), [&lines = fetch.until.lines] {
                     return Texts{lines == 0 ? "" : std::to_string(lines)};
                   }});
  add_option(table, {"until-idle", 0, "DUR", "a stream is whole after such a silence; 0 is not"},
             fetch.until_idle);
  table.push_back(
      {"expect", 0, "REGEX", "an answer that does not match is outcome unexpected", "",
       [&o](std::string_view text) { o.fetch.check = fetch::match_pattern(o.expect = text); },
       shows(o.expect)});
}

void add_network_options(Table& table, GetOptions& o) {
  add_option(table, {"ipv4", '4', "", "IPv4 only"}, o.ipv4);
  add_option(table, {"ipv6", '6', "", "IPv6 only"}, o.ipv6);
  table.push_back(
      {"check", 0, "", "say what would fail with these options, and exit", "", cli::into(o.check)});
}

}  // namespace

std::vector<std::string> engines_of(const std::string& names) {
  if (names == "all") return fetch::all_strategies();
  if (names.empty()) throw base::UsageError("no engine named", "--engine");
  std::vector<std::string> engines;
  boost::split(engines, names, [](char each) { return each == ','; });
  for (const auto& engine : engines) fetch::find_strategy(engine);
  return engines;
}

cli::Parsed parse_get_options(int argc, const char* const* argv, GetOptions& options) {
  cli::Tool tool;
  tool.name = "poetry-get";
  tool.synopsis = "[OPTIONS] SERVER...";
  tool.about = "Fetches from each server to the end of its stream, one task a server, and reports.";
  tool.features = cli::engines_line(fetch::strategy_names());
  tool.operands = cli::Operands::words;
  tool.operand_set = [&options](std::string_view text) {
    const auto more = parse_servers(text);
    options.servers.insert(options.servers.end(), more.begin(), more.end());
  };
  tool.examples = {
      {"poetry-get 10000-10002", "three servers of this machine, all at once"},
      {"poetry-get -e all --timeline 10000 10001", "by each engine, drawn and compared"},
      {"poetry-get --retries 9 --until-lines 1 10000", "wait until a server answers"}};
  tool.foremost = {"engine", "from",  "parallel", "output",       "output-dir", "print",
                   "report", "quiet", "timeline", "idle-timeout", "timeout",    "retries",
                   "send",   "until", "expect",   "check",        "help",       "version"};
  cli::begin_group(tool, "fetch", "What to fetch, and how");
  add_task_options(tool.options, options);
  cli::begin_group(tool, "print", "What to print, and where");
  add_output_options(tool.options, options);
  cli::begin_group(tool, "limits", "When to give up");
  add_limit_options(tool.options, options);
  cli::begin_group(tool, "answer", "What to send, and when an answer is whole");
  add_answer_options(tool.options, options);
  cli::begin_group(tool, "other", "Network, settings and log");
  add_network_options(tool.options, options);
  cli::add_common_options(tool, options.log);
  if (cli::parse(tool, argc, argv) == cli::Parsed::done) return cli::Parsed::done;
  if (!options.output.empty() && !options.output_dir.empty())
    throw base::UsageError("only one of these can be given", "--output, --output-dir");
  if (options.half_close && !options.send && options.from.empty())
    throw base::UsageError("there is nothing to send first", "--half-close");
  if (options.animate && options.timeline_svg.empty())
    throw base::UsageError("there is no picture: give --timeline-svg", "--animate");
  if (options.ipv4 && options.ipv6)
    throw base::UsageError("only one of these can be given", "-4, -6");
  return cli::Parsed::run;
}

}  // namespace poetry::get
