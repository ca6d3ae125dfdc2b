#include "options.hpp"

#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <boost/algorithm/string/split.hpp>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "session/log_stream.hpp"
#include "session/poem.hpp"

namespace poetry::server {
namespace {

constexpr auto any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t largest_backlog = 1U << 30;  // listen(2) takes an int

using cli::Texts;

void add_serving_options(std::vector<cli::Option>& table, ServerOptions& o) {
  auto& pacing = o.settings.pacing;
  table.push_back({"port", 'p', "PORTS", "ports of the poems: first, range, list; 0 is a free one",
                   o.ports, cli::into(o.ports), cli::shows(o.ports)});
  table.push_back({"host", 'H', "ADDR", "address to bind, a name or a number", o.host,
                   cli::into(o.host), cli::shows(o.host)});
  table.push_back({"v6only", 0, "", "serve IPv6 alone at the address ::, not IPv4 as well", "",
                   cli::into(o.v6only), cli::shows(o.v6only)});
  table.push_back({"serve", 's', "[HOST:]PORT=SERVICE", "a port and its service, repeatable", "",
                   [&o](std::string_view text) { o.serve.emplace_back(text); },
                   [&o] { return o.serve; }});
  table.push_back({"delay", 'd', "DUR",
                   "time from a line to the next, and from the last to the end", "1s",
                   [&pacing](std::string_view text) { session::set_delay(pacing, text); },
                   cli::shows(pacing.delay)});
  table.push_back({"first-delay", 0, "DUR", "time from accept to the first line", "0",
                   cli::into(pacing.first_delay), cli::shows(pacing.first_delay)});
  table.push_back({"jitter", 0, "DUR", "each due time moves by a random amount in +-DUR", "0",
                   cli::into(pacing.jitter), cli::shows(pacing.jitter)});
  table.push_back({"chunk", 0, "line|SIZE", "what is sent at a time", "line",
                   [&pacing](std::string_view text) { session::set_chunk(pacing, text); },
                   [&pacing] { return Texts{session::format_chunk(pacing.chunk)}; }});
  table.push_back(
      {"rate", 0, "SIZE", "bytes a second to each client, in place of delay and chunk", "",
       [&pacing](std::string_view text) { session::set_rate(pacing, text); },
       [&pacing] { return Texts{pacing.rate == 0 ? "" : base::format_size(pacing.rate)}; }});
  table.push_back({"duration", 0, "DUR", "the time of a whole poem, in place of delay", "",
                   [&pacing](std::string_view text) { session::set_duration(pacing, text); },
                   [&pacing] {
                     const bool unset = pacing.duration == base::Duration{0};
                     return Texts{unset ? "" : base::format_duration(pacing.duration)};
                   }});
  table.push_back(
      {"repeat", 0, "N|forever", "serve the poem N times over", "1",
       [&pacing](std::string_view text) { pacing.repeat = session::parse_repeat(text); },
       [&pacing] { return Texts{session::format_repeat(pacing.repeat)}; }});
}

std::string parse_workers(std::string_view text) {
  try {
    if (text != "auto") base::parse_count(text, "workers", 1, any_count);
  } catch (const base::UsageError&) {
    throw base::UsageError("neither auto nor a number of workers from 1", text);
  }
  return std::string(text);
}

void add_engine_options(std::vector<cli::Option>& table, ServerOptions& o) {
  auto& settings = o.settings;
  const auto engines = engine::engine_names();
  table.push_back({"engine", 'e', "NAME",
                   fmt::format("how to wait for clients: {}", fmt::join(engines, ", ")), o.engine,
                   [&o](std::string_view text) {
                     engine::make_engine(text);
                     o.engine = text;
                   },
                   cli::shows(o.engine), engines});
  table.push_back({"workers",
                   0,
                   "N|auto",
                   "processes that share the ports; auto: one a processor",
                   o.workers,
                   [&o](std::string_view text) { o.workers = parse_workers(text); },
                   cli::shows(o.workers),
                   {"auto"}});
  table.push_back({"tick", 0, "DUR", "serve together what falls due within DUR, never early", "1ms",
                   [&o](std::string_view text) {
                     o.tick = base::parse_duration(text);
                     if (o.tick == base::Duration{0})
                       throw base::UsageError("a tick is more than 0", text);
                   },
                   cli::shows(o.tick)});
  table.push_back(
      {"max-clients", 0, "N", "connections each worker holds; 0 is what descriptors allow", "0",
       cli::into(settings.max_clients, 0, any_count), cli::shows(settings.max_clients)});
  table.push_back({"max-poem", 0, "SIZE", "refuse a larger poem; 0 is half of the memory available",
                   "0", [&o](std::string_view text) { o.max_poem = base::parse_size(text); },
                   [&o] { return Texts{base::format_size(o.max_poem)}; }});
  table.push_back({"backlog", 0, "N", "listen(2) backlog", "4096",
                   cli::into(o.backlog, 0, largest_backlog), cli::shows(o.backlog)});
  table.push_back({"send-timeout", 0, "DUR",
                   "drop a client that takes nothing for so long; 0 never", "60s",
                   cli::into(settings.send_timeout), cli::shows(settings.send_timeout)});
  table.push_back({"drain-timeout", 0, "DUR", "how long sessions may go on after SIGINT or SIGTERM",
                   "5s", cli::into(o.drain_timeout), cli::shows(o.drain_timeout)});
}

/// Into a text that is not empty.
std::function<void(std::string_view)> into_some(std::string& text, const char* what) {
  return [&text, what](std::string_view value) {
    if (value.empty()) throw base::UsageError(std::string("needs ") + what, value);
    text = value;
  };
}

void add_run_options(std::vector<cli::Option>& table, ServerOptions& o) {
  auto& settings = o.settings;
  table.push_back({"fault", 0, "[SELECT:]NAME[=ARG]", "a fault for every port, repeatable", "",
                   [&settings](std::string_view text) { settings.faults.emplace_back(text); },
                   [&settings] { return settings.faults; }});
  table.push_back(
      {"seed", 0, "N", "seed of jitter and faults; without it, from the clock", "",
       [&o](std::string_view text) { o.seed = base::parse_count(text, "seed", 0, any_count); },
       [&o] { return o.seed ? Texts{std::to_string(*o.seed)} : Texts{}; }});
  table.push_back({"exit-after", 0, "N", "stop when N connections have ended", "",
                   cli::into(o.exit_after, 0, any_count),
                   [&o] { return Texts{o.exit_after == 0 ? "" : std::to_string(o.exit_after)}; }});
  table.push_back({"ready-file", 0, "FILE", "write host, port, service and name there, as JSON", "",
                   into_some(o.ready_file, "a file"), cli::shows(o.ready_file)});
  table.push_back({"run", 0, "COMMAND", "run it by sh once all is bound, stop with its status", "",
                   into_some(o.run, "a command"), cli::shows(o.run)});
  table.push_back({"control", 0, "PATH", "a Unix socket that takes commands, a line each", "",
                   into_some(o.control, "a path"), cli::shows(o.control)});
  table.push_back(
      {"check", 0, "", "say what would fail with these options, and exit", "", cli::into(o.check)});
}

/// A port, or two and a dash between them. Raises UsageError naming the whole of --port.
std::pair<std::uint64_t, std::uint64_t> parse_range(std::string_view part, std::string_view text) {
  try {
    const auto dash = part.find('-');
    const auto first = base::parse_count(part.substr(0, dash), "port", 0, 65535);
    if (dash == std::string_view::npos) return {first, first};
    const auto last = base::parse_count(part.substr(dash + 1), "port", 0, 65535);
    if (first == 0 || last < first) throw base::UsageError("not a range", part);
    return {first, last};
  } catch (const base::UsageError&) {
    throw base::UsageError("not a port, range or list of 0 to 65535", text);
  }
}

/// "10000", "10000-10002", "10000,10005" and their combinations.
std::vector<std::uint16_t> parse_ports(std::string_view text) {
  std::vector<std::string> parts;
  boost::split(parts, text, [](char each) { return each == ','; });
  std::vector<std::uint16_t> ports;
  for (const auto& part : parts) {
    const auto [first, last] = parse_range(part, text);
    for (auto port = first; port <= last; ++port) ports.push_back(static_cast<std::uint16_t>(port));
  }
  return ports;
}

/// One port for each of `count` poems, or several ports for one poem.
std::vector<std::uint16_t> ports_for(const std::string& text, std::size_t count) {
  auto ports = parse_ports(text);
  if (ports.size() == count || count == 1) return ports;
  if (ports.size() != 1) {
    throw base::UsageError(
        std::to_string(count) + " poems do not match " + std::to_string(ports.size()) + " ports",
        text);
  }
  const std::size_t first = ports[0];
  if (first != 0 && first + count - 1 > 65535)
    throw base::UsageError("ports for " + std::to_string(count) + " poems go beyond 65535", text);
  while (ports.size() < count)
    ports.push_back(static_cast<std::uint16_t>(first == 0 ? 0 : first + ports.size()));
  return ports;
}

Plan plan_service(const std::string& text, const ServerOptions& options) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) throw base::UsageError("not [HOST:]PORT=SERVICE", text);
  const auto where = text.substr(0, equals);
  auto at = net::parse_host_port(where, 0);
  if (where.find(':') == std::string::npos) at.host = options.host;
  return {at,
          session::parse_service(std::string_view(text).substr(equals + 1), options.settings),
          {},
          {}};
}

/// Of several processes each would get a part of the lines.
void refuse_shared_streams(const std::vector<Plan>& plans, const ServerOptions& options) {
  if (options.engine != "fork" && worker_count(options) == 1) return;
  for (const auto& plan : plans) {
    if (plan.spec.service == "weblog" && session::LogStream::is_one(plan.spec.argument)) {
      throw base::UsageError("a stream has one reader: neither fork nor several workers can follow",
                             plan.spec.argument);
    }
  }
}

void refuse_same_place(const std::vector<Plan>& plans) {
  for (auto one = plans.begin(); one != plans.end(); ++one) {
    const auto other =
        std::find_if(one + 1, plans.end(), [one](const Plan& plan) { return plan.at == one->at; });
    if (one->at.port == 0 || other == plans.end()) continue;
    throw base::UsageError(
        "two services at one port, " + one->spec.name + " and " + other->spec.name,
        net::to_string(one->at));
  }
}

}  // namespace

cli::Parsed parse_server_options(int argc, const char* const* argv, ServerOptions& options) {
  cli::Tool tool;
  tool.name = "poetry-server";
  tool.synopsis = "[OPTIONS] [POEM...]\n[OPTIONS] --serve [HOST:]PORT=SERVICE... [POEM...]";
  tool.about =
      "Serves text files line by line, slowly and exactly on time, each on a TCP port.\n"
      "Without POEM and --serve it serves three short poems of its own.\n"
      "The services are " +
      session::service_names() +
      "; see\npoetry-server(1) for these and for the faults that --fault knows.";
  tool.features = cli::engines_line(engine::engine_names());
  tool.operands = cli::Operands::files;
  tool.operand_set = [&options](std::string_view text) { options.poems.emplace_back(text); };
  tool.examples = {
      {"poetry-server poem.txt", "one poem, a line a second, on port 10000"},
      {"poetry-server -s 10000=poem:poem.txt,delay=2s -s 10001=echo", "a service for each port"},
      {"poetry-server -p0 -d50ms --run 'poetry-get $POETRY_SERVERS'",
       "serve as long as a command runs"}};
  tool.foremost = {"port",    "host",  "serve", "delay", "chunk", "engine",
                   "workers", "fault", "run",   "check", "help",  "version"};
  cli::begin_group(tool, "serve", "What to serve, and how fast");
  add_serving_options(tool.options, options);
  cli::begin_group(tool, "clients", "How to wait for clients, and for how many");
  add_engine_options(tool.options, options);
  cli::begin_group(tool, "run", "Faults, start and end");
  add_run_options(tool.options, options);
  cli::begin_group(tool, "other", "Settings and log");
  cli::add_common_options(tool, options.log);
  return cli::parse(tool, argc, argv);
}

std::vector<Plan> plan_ports(const ServerOptions& options) {
  std::vector<session::ServiceSpec> poems;
  for (const auto& path : options.poems)
    poems.push_back(session::poem_spec(path, options.settings));
  if (poems.empty() && options.serve.empty()) {
    for (const auto& poem : session::builtin_poems())
      poems.push_back({"poem", "", std::string(poem.name), options.settings});
  }
  std::vector<Plan> plans;
  if (!poems.empty()) {
    const auto ports = ports_for(options.ports, poems.size());
    for (std::size_t i = 0; i < ports.size(); ++i)
      plans.push_back({{options.host, ports[i]}, poems[poems.size() == 1 ? 0 : i], {}});
  }
  for (const auto& text : options.serve) plans.push_back(plan_service(text, options));
  refuse_same_place(plans);
  refuse_shared_streams(plans, options);
  for (auto& plan : plans) {
    plan.faults = faults::parse_faults(plan.spec.settings.faults);
    plan.families = options.v6only ? net::Families::own : net::Families::both;
  }
  return plans;
}

std::size_t worker_count(const ServerOptions& options) {
  if (options.workers != "auto")
    return base::parse_count(options.workers, "number of workers", 1, any_count);
  cpu_set_t processors{};
  if (::sched_getaffinity(0, sizeof processors, &processors) == 0)
    return static_cast<std::size_t>(CPU_COUNT(&processors));
  return std::max(1U, std::thread::hardware_concurrency());  // more than cpu_set_t can tell apart
}

}  // namespace poetry::server
