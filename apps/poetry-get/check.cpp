#include "check.hpp"

#include <poll.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "cli/check_report.hpp"
#include "cli/replaced_file.hpp"
#include "engine/capacity.hpp"
#include "fetch/resolver.hpp"
#include "fetch/strategy.hpp"
#include "files.hpp"
#include "input.hpp"
#include "net/socket.hpp"
#include "output/spool.hpp"
#include "plan.hpp"
#include "server_list.hpp"

namespace poetry::get {
namespace {

constexpr std::size_t max_told_hosts = 20;  // hosts of which also those are told that work
constexpr base::Duration default_patience = std::chrono::seconds(10);  // where none is set

/// The names of hosts, each once and in order, and what came of looking them up.
class Hosts {
 public:
  Hosts(const GetOptions& options, const std::vector<net::HostPort>& servers)
      : family_(family_of(options)),
        patience_(options.fetch.connect_timeout == base::Duration::zero()
                      ? default_patience
                      : options.fetch.connect_timeout) {
    for (const auto& server : servers) add(server);
    if (options.catalog) add(*options.catalog);
  }

  void resolve_all();
  void tell(cli::CheckReport& report) const;

 private:
  void add(const net::HostPort& where) {
    if (seen_.insert(where.host).second) hosts_.push_back(where);
  }
  void tell(const net::HostPort& host, cli::CheckReport& report) const;

  net::Family family_;
  base::Duration patience_;
  std::set<std::string> seen_;
  std::vector<net::HostPort> hosts_;
  std::map<std::string, net::Resolved> found_;  // none where it took too long
};

// All at once, as a fetch does, and no longer than it would wait.
void Hosts::resolve_all() {
  fetch::Resolver resolver(fetch::Resolver::make_lookups(net::resolve));
  std::size_t asked = 0;
  for (const auto& host : hosts_) {
    auto numeric = net::resolve_numeric(host, family_);
    if (numeric.addresses.empty()) {
      ++asked;
      resolver.ask(host, family_, [&, name = host.host](const net::Resolved& found) {
        found_.emplace(name, found);
        --asked;
      });
    } else {
      found_.emplace(host.host, std::move(numeric));
    }
  }
  const base::TimePoint until = base::Clock::now() + patience_;
  while (asked > 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - base::Clock::now()).count();
    if (left <= 0) return;
    pollfd answers{resolver.fd(), POLLIN, 0};
    ::poll(&answers, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    resolver.deliver();
  }
}

void Hosts::tell(cli::CheckReport& report) const {
  for (const auto& host : hosts_) tell(host, report);
  if (hosts_.size() > max_told_hosts) {
    report.works(base::counted(hosts_.size(), "host") +
                 " in all; those that can be reached are not told");
  }
}

void Hosts::tell(const net::HostPort& host, cli::CheckReport& report) const {
  const auto entry = found_.find(host.host);
  if (entry == found_.end()) {
    report.fails("resolve " + host.host + ": no answer in time",
                 "check the name servers, or give a numeric address");
    return;
  }
  if (entry->second.addresses.empty()) {
    report.fails("resolve " + host.host + ": " + entry->second.error.message(),
                 "check the name, -4 and -6, or give a numeric address");
    return;
  }
  std::string addresses;
  std::error_code error;
  for (const net::Address& address : entry->second.addresses) {
    if (const auto lost = net::route_to(address)) {
      error = lost;
    } else {
      addresses.append(addresses.empty() ? "" : ", ").append(address.host());
    }
  }
  if (addresses.empty()) {
    report.fails("reach " + host.host + ": " + error.message(),
                 "no interface here leads there: see 'ip route', or choose the other family");
  } else if (hosts_.size() <= max_told_hosts) {
    report.works("reach " + host.host + (addresses == host.host ? "" : " at " + addresses));
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
      if (auto threads = engine::process_capacity(); threads.connections < holds.connections) {
        holds = std::move(threads);
      }
    }
    const auto what =
        engine + ": " + base::counted(std::min(wanted, holds.connections), "task") + " at once";
    if (wanted <= holds.connections) {
      report.works(what);
    } else {
      report.warns(what + ", not " + std::to_string(wanted) + ": " + holds.limit,
                   "raise that limit, or let --parallel be smaller");
    }
  }
}

void check_files(const GetOptions& options, std::uint64_t tasks, cli::CheckReport& report) {
  const auto remedy = "check the path and its permissions";
  for (const auto& file : {options.output, options.report_file}) {
    if (file.empty()) continue;
    report.tries("write " + file, remedy, [&file] { cli::try_to_write(file); });
  }
  if (!options.log.file.empty()) {
    report.tries("write " + options.log.file, remedy, [&] { cli::try_to_log(options.log.file); });
  }
  if (!options.timeline_svg.empty()) {
    report.tries("write " + options.timeline_svg, remedy,
                 [&options] { cli::check_replaceable(options.timeline_svg); });
  }
  if (!options.output_dir.empty()) {
    report.tries("write to " + options.output_dir, remedy,
                 [&options] { cli::try_to_make_directory(options.output_dir); });
  }
  const bool waits = options.output_dir.empty() && tasks > 1 &&
                     (!options.output.empty() || options.print == "ordered");
  if (waits) {
    report.tries("write to " + output::spool_directory() + " (poems that wait for their turn)",
                 "set TMPDIR to a directory with room",
                 [] { cli::try_to_write(output::spool_directory() + "/poetry-get"); });
  }
}

}  // namespace

int check(const GetOptions& options) {
  const auto servers = listed_servers(options);
  if (servers.empty() && !options.catalog) throw base::UsageError("no server given", "[HOST:]PORT");
  read_send(options);
  check_distinct(options);
  const std::uint64_t tasks = servers.size() * options.repeat;
  cli::CheckReport report;
  if (tasks > 0) check_parallel(options, tasks, report);
  Hosts hosts(options, servers);
  hosts.resolve_all();
  hosts.tell(report);
  check_files(options, tasks, report);
  return report.finish();
}

}  // namespace poetry::get
