#include "options.hpp"

#include <fmt/ranges.h>

#include <boost/algorithm/string/split.hpp>
#include <limits>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "base/unescape.hpp"
#include "fetch/strategy.hpp"
#include "input.hpp"
#include "server_list.hpp"

namespace poetry::get {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t max_repeats = 1'000'000;
constexpr std::uint64_t max_rate = 1'000'000'000;

using cli::shows;
using cli::Texts;
using Table = std::vector<cli::Option>;

Texts engine_words() {
  auto words = fetch::strategy_names();
  words.emplace_back("all");
  return words;
}

std::string engine_text() {
  return fmt::format("{}; several, or all", fmt::join(fetch::strategy_names(), ", "));
}

void add_task_options(Table& table, GetOptions& o) {
  table.push_back({"engine", 'e', "NAMES", engine_text(), o.engine,
                   [&o](std::string_view text) {
                     engines_of(std::string(text));
                     o.engine = text;
                   },
                   shows(o.engine), engine_words()});
  table.push_back({"from", 'f', "FILE", "more servers, one a line, # comments; - is standard input",
                   "", [&o](std::string_view text) { o.from.emplace_back(text); },
                   [&o] { return o.from; }});
  table.push_back({"catalog", 0, "ADDRESS", "fetch and check the poems of this server's catalog",
                   "", [&o](std::string_view text) { o.catalog = net::parse_host_port(text); },
                   [&o] { return o.catalog ? Texts{net::to_string(*o.catalog)} : Texts{}; }});
  table.push_back({"catalog-hosts", 0, "own|any", "hosts to which that catalog may lead",
                   o.catalog_hosts, cli::one_of(o.catalog_hosts, {"own", "any"}),
                   shows(o.catalog_hosts)});
  table.push_back({"repeat", 'n', "N", "N tasks for each server", "1",
                   cli::into(o.repeat, 1, max_repeats), shows(o.repeat)});
  table.push_back({"parallel", 'j', "N", "at most N tasks in flight; 0 is all", "0",
                   cli::into(o.parallel, 0, any_count), shows(o.parallel)});
  table.push_back({"rate", 0, "N", "at most N connects a second; 0 is no limit", "0",
                   cli::into(o.rate, 0, max_rate), shows(o.rate)});
}

void add_output_options(Table& table, GetOptions& o) {
  table.push_back({"output", 'o', "FILE", "the poems go there, in task order", "",
                   cli::into(o.output), shows(o.output)});
  table.push_back({"output-dir", 'O', "DIR", "a file a task goes there", "",
                   cli::into(o.output_dir), shows(o.output_dir)});
  table.push_back({"print", 0, "ordered|live|none",
                   "poems in task order, or lines as they come, once, by the first engine", o.print,
                   cli::one_of(o.print, {"ordered", "live", "none"}), shows(o.print)});
  table.push_back({"raw", 0, "", "poems as they are, also onto a terminal", "", cli::into(o.raw),
                   shows(o.raw)});
  table.push_back(
      {"quiet", 'q', "", "no events and no progress", "", cli::into(o.quiet), shows(o.quiet)});
  table.push_back({"verbose", 'v', "", "every event; else, beyond 20 tasks, failures only", "",
                   cli::into(o.verbose), shows(o.verbose)});
  table.push_back({"report", 0, "text|json|jsonl|csv|none", "form of the report", o.report,
                   cli::one_of(o.report, {"text", "json", "jsonl", "csv", "none"}),
                   shows(o.report)});
  table.push_back({"report-file", 0, "FILE", "the report goes there, not to standard error", "",
                   cli::into(o.report_file), shows(o.report_file)});
  table.push_back({"timeline", 0, "", "draw when each task connected, waited, received", "",
                   cli::into(o.timeline), shows(o.timeline)});
  table.push_back({"timeline-svg", 0, "FILE", "the same as a picture", "",
                   cli::into(o.timeline_svg), shows(o.timeline_svg)});
}

void add_limit_options(Table& table, GetOptions& o) {
  fetch::FetchOptions& fetch = o.fetch;
  table.push_back({"connect-timeout", 0, "DUR", "longest time to connect, an attempt; 0 no limit",
                   "10s", cli::into(fetch.connect_timeout), shows(fetch.connect_timeout)});
  table.push_back({"idle-timeout", 0, "DUR", "longest silence; 0 no limit", "60s",
                   cli::into(fetch.idle_timeout), shows(fetch.idle_timeout)});
  table.push_back({"timeout", 0, "DUR", "longest time for a task in all; 0 no limit", "0",
                   cli::into(fetch.timeout), shows(fetch.timeout)});
  table.push_back({"retries", 0, "N", "more attempts after a failed or broken connection", "0",
                   cli::into(fetch.retries, 0, any_count - 1), shows(fetch.retries)});
  table.push_back({"retry-delay", 0, "DUR", "time before the first of them", "1s",
                   cli::into(fetch.retry_delay), shows(fetch.retry_delay)});
  table.push_back({"retry-backoff", 0, "constant|exponential", "whether it doubles",
                   o.retry_backoff, cli::one_of(o.retry_backoff, {"constant", "exponential"}),
                   shows(o.retry_backoff)});
  table.push_back(
      {"seed", 0, "N", "seed of what is random in that; without it, from the clock", "",
       [&o](std::string_view text) { o.seed = base::parse_count(text, "seed", 0, any_count); },
       [&o] { return o.seed ? Texts{std::to_string(*o.seed)} : Texts{}; }});
  table.push_back({"max-bytes", 0, "SIZE", "stop a task there, as outcome limit", "",
                   [&fetch](std::string_view text) {
                     fetch.max_bytes = base::parse_size(text);
                     if (fetch.max_bytes == 0) throw base::UsageError("less than 1B", text);
                   },
                   [&fetch] {
                     return fetch.max_bytes == any_count
                                ? Texts{}
                                : Texts{base::format_size(fetch.max_bytes)};
                   }});
}

void add_answer_options(Table& table, GetOptions& o) {
  table.push_back({"send", 0, "TEXT", "send TEXT (@FILE, C escapes) first", "",
                   [&o](std::string_view text) {
                     if (!text.starts_with('@')) base::unescape(text);
                     o.send = text;
                   },
                   [&o] { return o.send ? Texts{*o.send} : Texts{}; }});
  table.push_back({"half-close", 0, "", "with --send: half-close after it", "",
                   cli::into(o.half_close), shows(o.half_close)});
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
                   [&o] { return o.until ? Texts{*o.until} : Texts{}; }});
  table.push_back({"until-lines", 0, "N", "a stream is whole after N lines", "",
                   cli::into(fetch.until.lines, 1, any_count), [&fetch] {
                     return fetch.until.lines == 0 ? Texts{}
                                                   : Texts{std::to_string(fetch.until.lines)};
                   }});
  table.push_back({"until-idle", 0, "DUR", "a stream is whole after such a silence; 0 is not", "0",
                   cli::into(fetch.until_idle), shows(fetch.until_idle)});
  table.push_back(
      {"expect", 0, "REGEX", "an answer that does not match is outcome unexpected", "",
       [&o](std::string_view text) { o.fetch.check = fetch::match_pattern(o.expect = text); },
       shows(o.expect)});
}

void add_network_options(Table& table, GetOptions& o) {
  table.push_back({"ipv4", '4', "", "IPv4 only", "", cli::into(o.ipv4), shows(o.ipv4)});
  table.push_back({"ipv6", '6', "", "IPv6 only", "", cli::into(o.ipv6), shows(o.ipv6)});
  table.push_back(
      {"check", 0, "", "say what would fail with these options, and exit", "", cli::into(o.check)});
}

}  // namespace

std::vector<std::string> engines_of(const std::string& names) {
  if (names == "all") return fetch::allowed_strategies();
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
  if (!options.output.empty() && !options.output_dir.empty()) {
    throw base::UsageError("only one of these can be given", "--output, --output-dir");
  }
  if (options.half_close && !options.send && options.from.empty())
    throw base::UsageError("there is nothing to send first", "--half-close");
  if (options.ipv4 && options.ipv6)
    throw base::UsageError("only one of these can be given", "-4, -6");
  return cli::Parsed::run;
}

}  // namespace poetry::get
