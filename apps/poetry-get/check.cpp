#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "cli/check_report.hpp"
#include "cli/replaced_file.hpp"
#include "engine/engine.hpp"
#include "fetch/resolver.hpp"
#include "net/limits.hpp"
#include "net/socket.hpp"
#include "output/spool.hpp"
#include "plan.hpp"
#include "reactor/timeout.hpp"
#include "run.hpp"
#include "server_list.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_told_hosts = 20;  // hosts of which also those are told that work
constexpr base::Duration default_patience = std::chrono::seconds(10);  // where none is set

/// What came of looking hosts up, by name; none where it took too long.
using Answers = std::map<std::string, net::Resolved>;

// All at once, as a fetch does, and no longer than it would wait.
Answers resolve_all(const std::vector<net::HostPort>& hosts, const GetOptions& options) {
  const auto limit = options.fetch.connect_timeout;
  const auto until =
      base::Clock::now() + (limit == base::Duration::zero() ? default_patience : limit);
  fetch::Resolver resolver(fetch::Resolver::make_lookups(net::resolve));
  Answers answers;
  std::size_t asked = 0;
  for (const auto& host : hosts) {
    auto numeric = net::resolve_numeric(host, family_of(options));
    if (numeric.addresses.empty()) {
      ++asked;
      const auto answered = [&, name = host.host](const net::Resolved& found) {
        answers.emplace(name, found);
        --asked;
      };
      resolver.ask(host, family_of(options), {[] {}, answered});
    } else {
      answers.emplace(host.host, std::move(numeric));
    }
  }
  pollfd readable{resolver.fd(), POLLIN, 0};
  while (asked > 0 && base::Clock::now() < until) {
    reactor::poll_until({&readable, 1}, until);
    resolver.deliver();
  }
  return answers;
}

/// Reports a host that cannot be reached, else returns what works.
std::string try_to_reach(const std::string& host, const Answers& answers,
                         cli::CheckReport& report) {
  const auto answer = answers.find(host);
  if (answer == answers.end()) {
    report.fails("resolve " + host + ": no answer in time", silence_remedy);
    return {};
  }
  const auto& [found, unresolved] = answer->second;
  if (found.empty()) {
    report.fails("resolve " + host + ": " + unresolved.message(), name_remedy);
    return {};
  }
  std::vector<std::string> reached;
  std::error_code error;
  for (const net::Address& address : found) {
    if (const auto lost = net::route_to(address)) {
      error = lost;
    } else {
      reached.push_back(address.host());
    }
  }
  if (reached.empty()) {
    report.fails("reach " + host + ": " + error.message(), route_remedy);
    return {};
  }
  const auto addresses = fmt::format("{}", fmt::join(reached, ", "));
  return "reach " + host + (addresses == host ? "" : " at " + addresses);
}

void check_hosts(const GetOptions& options, std::vector<net::HostPort> hosts,
                 cli::CheckReport& report) {
  if (options.catalog) hosts.push_back(*options.catalog);
  std::set<std::string> seen;  // of each host one server is enough
  std::erase_if(hosts, [&](const auto& each) { return !seen.insert(each.host).second; });
  const auto answers = resolve_all(hosts, options);
  for (const auto& host : hosts) {
    const auto works = try_to_reach(host.host, answers, report);
    if (!works.empty() && hosts.size() <= max_told_hosts) report.works(works);
  }
  if (hosts.size() > max_told_hosts) {
    report.works(base::counted(hosts.size(), "host") +
                 " in all; those that can be reached are not told");
  }
}

void check_parallel(const GetOptions& options, std::uint64_t tasks, cli::CheckReport& report) {
  const Room room = room_for_tasks();
  const std::uint64_t at_once = options.parallel == 0 ? tasks : std::min(options.parallel, tasks);
  for (const auto& engine : engines_of(options.engine)) {
    const std::uint64_t wanted =
        engine == "sequential" ? std::min<std::uint64_t>(1, tasks) : at_once;
    engine::Capacity holds{room.tasks,
                           std::to_string(room.descriptors) + " open files (ulimit -n)"};
    if (engine == "threads") {
      holds =
          std::ranges::min(holds, engine::process_capacity(), {}, &engine::Capacity::connections);
    }
    const auto what =
        engine + ": " + base::counted(std::min(wanted, holds.connections), "task") + " at once";
    if (wanted <= holds.connections) {
      report.works(what);
    } else {
      report.warns(what + ", not " + std::to_string(wanted) + ": " + holds.limit, room_remedy);
    }
  }
}

// Each connection to one address and port has a local port of its own, and keeps it for a minute
// where this side closes first (TIME-WAIT, RFC 9293).
void check_ports(const GetOptions& options, const std::vector<net::HostPort>& servers,
                 cli::CheckReport& report) {
  const auto ports = net::ephemeral_ports();
  if (ports.size() == 0) return;
  std::map<std::string, std::uint64_t> tasks;
  for (const auto& server : servers) tasks[net::to_string(server)] += options.repeat;
  const auto room = room_for_tasks().tasks;
  for (const auto& [server, count] : tasks) {
    const auto at_once = std::min(room, options.parallel == 0 ? count : options.parallel);
    if (at_once <= ports.size()) continue;
    report.warns(base::counted(at_once, "connection") + " at once to " + server + ": there are " +
                     std::to_string(ports.size()) +
                     " local ports for them (net.ipv4.ip_local_port_range)",
                 ports_remedy);
  }
}

void check_files(const GetOptions& options, std::uint64_t tasks, cli::CheckReport& report) {
  using Try = void (*)(const std::string& path);
  const auto tries = [&](std::string_view what, const std::string& path, Try attempt) {
    if (!is_file(path)) return;
    report.tries(std::string(what) + path, [&] { attempt(path); });
  };
  tries("write ", options.output, cli::try_to_write);
  tries("write ", options.report_file, cli::try_to_write);
  tries("write ", options.log.file, cli::try_to_write);
  tries("write ", options.timeline_svg, cli::check_replaceable);
  tries("write to ", options.output_dir, cli::try_to_make_directory);
  const bool waits = options.output_dir.empty() && tasks > 1 &&
                     (!options.output.empty() || options.print == "ordered");
  if (waits) {
    report.tries("write to " + output::spool_directory() + " (poems that wait for their turn)", [] {
      base::with_remedy(spool_remedy,
                        [] { cli::try_to_write(output::spool_directory() + "/poetry-get"); });
    });
  }
}

}  // namespace

int check(const GetOptions& options) {
  std::vector<net::HostPort> servers;
  for (const auto& each : listed_servers(options)) servers.push_back(each.where);
  if (servers.empty() && !options.catalog) throw base::UsageError("no server given", "[HOST:]PORT");
  read_send(options);
  check_distinct(options);
  const std::uint64_t tasks = servers.size() * options.repeat;
  cli::CheckReport report;
  if (tasks > 0) check_parallel(options, tasks, report);
  check_ports(options, servers, report);
  check_hosts(options, servers, report);
  check_files(options, tasks, report);
  return report.finish();
}

}  // namespace poetry::get
