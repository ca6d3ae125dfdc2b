#include "check.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>

#include "cli/check_report.hpp"
#include "engine/engine.hpp"
#include "limits.hpp"
#include "net/ephemeral_ports.hpp"
#include "net/socket.hpp"
#include "ports.hpp"

namespace poetry::server {
namespace {

/// `require` is one of limits.hpp.
void check_room(const std::function<std::string()>& require, std::string_view remedy,
                cli::CheckReport& report) {
  try {
    report.works(require());
  } catch (const std::runtime_error& error) {
    report.fails(error.what(), remedy);
  }
}

void check_limits(const ServerOptions& options, const std::vector<Plan>& plans,
                  cli::CheckReport& report) {
  const auto engine = engine::make_engine(options.engine);
  check_room([&] { return require_clients(engine, options, plans); },
             "raise that limit, or lower --max-clients", report);
  if (worker_count(options) == 1) return;
  check_room([&] { return require_workers(options, plans); },
             "raise that limit, or lower --workers", report);
}

std::string remedy_for(const std::system_error& error) {
  if (error.code() == std::errc::address_in_use) {
    return "another process has it (ss -ltnp shows which): stop it, or choose another port";
  }
  if (error.code() == std::errc::permission_denied) {
    return "ports that low need root or CAP_NET_BIND_SERVICE: choose one from 1024 on";
  }
  if (error.code() == std::errc::address_not_available) {
    return "no interface here has this address: choose one that 'ip address' lists";
  }
  return "choose another port or --host";
}

void check_port(const net::HostPort& at, faults::Acceptance acceptance, cli::CheckReport& report) {
  try {
    const base::Fd socket = take_port(acceptance, listening_address(at));
    const auto outgoing = net::ephemeral_ports();
    if (at.port == 0 || !outgoing.contains(at.port)) {
      report.works("bind " + net::to_string(at));
      return;
    }
    report.warns("bind " + net::to_string(at) +
                     ": free now, but outgoing connections take ports from " +
                     std::to_string(outgoing.first) + " to " + std::to_string(outgoing.last),
                 "choose a port outside of them, so that none is in the way later");
  } catch (const std::system_error& error) {
    const bool unresolved = error.code().category() == net::resolve_category();
    report.fails(error.what(),
                 unresolved ? "check the name, or give a numeric address" : remedy_for(error));
  }
}

/// The listeners that are inherited, as take_inherited() has them; nothing where that fails.
std::optional<std::vector<base::Fd>> check_inherited(const ServerOptions& options,
                                                     const std::vector<Plan>& plans,
                                                     cli::CheckReport& report) {
  try {
    return take_inherited(plans, options);
  } catch (const std::runtime_error& error) {
    report.fails(error.what(), "let the service manager's sockets and these options agree");
    return std::nullopt;
  }
}

/// A state that does not exist yet is not made: it is enough that it could be.
void check_service(const session::ServiceSpec& spec, cli::CheckReport& report) {
  const auto what = "serve " + spec.service + " " + spec.name;
  const bool is_made = spec.service == "fibonacci" && !std::filesystem::exists(spec.argument);
  report.tries(what, "check the file's path and permissions", [&spec, is_made] {
    if (is_made) {
      cli::try_to_write(spec.argument);
    } else {
      session::make_service(spec, {});
    }
  });
}

}  // namespace

int check(const ServerOptions& options) {
  const auto plans = plan_ports(options);
  cli::CheckReport report;
  check_limits(options, plans, report);
  const auto inherited = check_inherited(options, plans, report);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (inherited && (*inherited)[i]) {
      report.works("inherit " + net::to_string(net::local_address((*inherited)[i].get())));
    } else if (inherited) {  // otherwise what was refused may be in its way
      check_port(plans[i].at, plans[i].faults.acceptance(), report);
    }
    check_service(plans[i].spec, report);
  }
  constexpr auto remedy = "check the folder's path and permissions";
  const std::string& ready = options.ready_file;
  const std::string& log = options.log.file;
  if (!ready.empty()) report.tries("write " + ready, remedy, [&] { cli::try_to_write(ready); });
  if (!log.empty()) report.tries("write " + log, remedy, [&] { cli::try_to_log(log); });
  return report.finish();
}

}  // namespace poetry::server
