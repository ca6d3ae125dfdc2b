#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>

#include "base/error.hpp"
#include "cli/check_report.hpp"
#include "control_socket.hpp"
#include "net/limits.hpp"
#include "net/socket.hpp"
#include "server.hpp"
#include "serving.hpp"

namespace poetry::server {
namespace {

/// Tells what `attempt` raises.
void check_attempt(const std::function<void()>& attempt, cli::CheckReport& report) {
  try {
    attempt();
  } catch (const base::Failure& failure) {
    report.fails(failure.what(), failure.remedy());
  }
}

void check_limits(const ServerOptions& options, const std::vector<Plan>& plans,
                  cli::CheckReport& report) {
  const auto engine = engine::make_engine(options.engine);
  check_attempt([&] { report.works(require_clients(engine, options, plans)); }, report);
  if (worker_count(options) == 1) return;
  check_attempt([&] { report.works(require_workers(options, plans)); }, report);
}

/// The ports that were taken stay so, for those that they exclude.
void check_port(const Plan& plan, std::vector<base::Fd>& taken, cli::CheckReport& report) {
  const auto& at = plan.at;
  try {
    taken.push_back(take_port(plan, listening_address(at)));
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
    report.fails(error.what(), net::listening_remedy(error.code()));
  }
}

/// A state that does not exist yet is not made: it is enough that it could be.
void check_service(const session::ServiceSpec& spec, cli::CheckReport& report) {
  const auto what = "serve " + spec.service + " " + spec.name;
  const bool is_missing = !spec.argument.empty() && !std::filesystem::exists(spec.argument);
  const bool is_made = spec.service == "fibonacci" && is_missing;
  if (spec.service == "weblog" && is_missing && spec.argument != "-") {
    report.warns(what + ": " + spec.argument + " does not exist, and is waited for",
                 "make it, or check the path");
    return;
  }
  report.tries(what, [&spec, is_made] {
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
  std::optional<std::vector<base::Fd>> inherited;  // nothing where that fails
  check_attempt([&] { inherited = take_inherited(plans, options); }, report);
  std::vector<base::Fd> taken;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (inherited && (*inherited)[i]) {
      report.works("inherit " + net::to_string(net::local_address((*inherited)[i].get())));
    } else if (inherited) {  // otherwise what was refused may be in its way
      check_port(plans[i], taken, report);
    }
    check_service(plans[i].spec, report);
  }
  const std::string& ready = options.ready_file;
  const std::string& log = options.log.file;
  if (!ready.empty()) report.tries("write " + ready, [&] { cli::try_to_write(ready); });
  if (!options.control.empty())
    report.tries("control by " + options.control, [&] { ControlSocket{options.control}; });
  if (!log.empty()) report.tries("write " + log, [&] { cli::try_to_write(log); });
  return report.finish();
}

}  // namespace poetry::server
