#include "server.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "base/error.hpp"
#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"

namespace poetry {
namespace {

/// Short enough to be typed again.
std::uint64_t seed_from_clock() {
  return static_cast<std::uint32_t>(Clock::now().time_since_epoch().count());
}

/// Whether anything about these ports is random or faulty.
bool needs_seed(const std::vector<Plan>& plans) {
  return std::any_of(plans.begin(), plans.end(), [](const Plan& plan) {
    return plan.spec.settings.pacing.jitter != Duration{0} || !plan.faults.empty();
  });
}

/// Lines that fall due within one tick go together, which who asked for a delay may not expect.
void warn_of_long_tick(Duration tick, const std::vector<Plan>& plans) {
  for (const auto& plan : plans) {
    const auto delay = plan.spec.settings.pacing.delay;
    if (plan.spec.service != "poem" || delay == Duration{0} || delay >= tick) continue;
    spdlog::warn("--tick {} is longer than the delay of {}, {}: several lines go at a time",
                 format_duration(tick), plan.spec.name, format_duration(delay));
  }
}

}  // namespace

Server::Server(ServerOptions options, int argc, const char* const* argv)
    : options_(std::move(options)),
      argc_(argc),
      argv_(argv),
      seed_(options_.seed.value_or(seed_from_clock())),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}),
      engine_(make_engine(options_.engine)),
      started_(Clock::now()) {
  const auto plans = plan_ports(options_);
  check_capacity(options_, plans);
  ports_.emplace(plans, options_, seed_, [this](const Fired& fired) { log_fault(fired); });
  if (needs_seed(plans)) spdlog::info("seed={}", seed_);
  warn_of_long_tick(options_.tick, plans);
}

/// A limit beyond what the engine can hold is not what would happen.
void Server::check_capacity(const ServerOptions& options, const std::vector<Plan>& plans) const {
  const auto most = most_clients(options, plans);
  const auto capacity = engine_->capacity();
  if (most <= capacity.connections) return;
  throw std::runtime_error("--max-clients " + std::to_string(most) + ": " + options_.engine +
                           " holds at most " + std::to_string(capacity.connections) +
                           " connections here: " + capacity.limit);
}

int Server::run() {
  write_ready_file();
  announce();
  if (!options_.run.empty()) start_command();
  engine_->serve(ports_->all(), *this, {signals_.fd(), options_.drain_timeout, options_.tick});
  if (!command_) return exit_ok;
  command_->signal(SIGTERM);  // does nothing where it has ended
  return command_->wait();
}

void Server::announce() const {
  std::string text;
  for (const auto& port : std::as_const(*ports_).all()) {
    text += "listening " + to_string(port.at) + " " + port.service_name + " " + port.name + "\n";
  }
  write_standard_output(text);
}

/// Written aside and renamed, so that who waits for the file finds it whole.
void Server::write_ready_file() const {
  if (options_.ready_file.empty()) return;
  boost::json::array list;
  for (const auto& port : std::as_const(*ports_).all()) {
    list.push_back({{"host", port.at.host},
                    {"port", port.at.port},
                    {"service", port.service_name},
                    {"name", port.name}});
  }
  const auto aside = options_.ready_file + ".part";
  const Fd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) throw_errno("write", options_.ready_file);
  write_all(file.get(), boost::json::serialize(list) + "\n", options_.ready_file);
  if (std::rename(aside.c_str(), options_.ready_file.c_str()) != 0) {
    throw_errno("write", options_.ready_file);
  }
}

void Server::start_command() {
  std::string servers = "POETRY_SERVERS=";
  std::string ports = "POETRY_PORTS=";
  for (const auto& port : std::as_const(*ports_).all()) {
    const auto* space = &port == ports_->all().data() ? "" : " ";
    servers.append(space).append(to_string(port.at));
    ports.append(space).append(std::to_string(port.at.port));
  }
  command_.emplace(options_.run, std::vector{servers, ports}, signals_.previous_mask());
}

Command Server::control() {
  auto command = Command::go_on;
  while (const auto number = signals_.take()) {
    if (*number == SIGHUP) {
      reload();
    } else if (*number == SIGUSR1) {
      log_statistics();
    } else if (*number == SIGCHLD) {
      if (command_ && command_->reap()) command = Command::stop;
    } else if (command != Command::stop) {
      command = draining_ ? Command::stop : drain();
      if (command_) command_->signal(*number);
    }
  }
  return command;
}

Command Server::drain() {
  draining_ = true;
  return Command::drain;
}

Command Server::ended(const Ended& connection) {
  ++ended_;
  if (spdlog::should_log(spdlog::level::info)) {  // which spares making text of the peer
    spdlog::info("closed peer={} port={} conn={} service={} bytes={} elapsed={:.3f}s reason={}",
                 to_string(connection.peer), connection.port.at.port, connection.number,
                 connection.port.service_name, connection.bytes, seconds(connection.elapsed),
                 to_string(connection.reason));
  }
  if (options_.exit_after != 0 && ended_ == options_.exit_after) return drain();
  return Command::go_on;
}

/// Takes over poems and settings from the same command line and its config file, all or nothing.
void Server::reload() {
  try {
    ServerOptions options;
    parse_server_options(argc_, argv_, options);
    const auto plans = plan_ports(options);
    check_capacity(options, plans);
    ports_->replace(plans, options);
    spdlog::info("read poems and configuration again");
  } catch (const std::exception& error) {
    spdlog::error("kept the old poems and configuration: {}", error.what());
  }
}

/// Called in whatever thread or process serves the connection.
void Server::log_fault(const Fired& fired) const {
  spdlog::info("fault port={} conn={} fault={} offset={} seed={}", fired.peer.port,
               fired.peer.number, fired.fault, fired.offset, seed_);
}

void Server::log_statistics() const {
  boost::json::array ports;
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;
  for (const auto& port : std::as_const(*ports_).all()) {
    const std::uint64_t port_accepted = port.counters->accepted;
    const std::uint64_t port_bytes = port.counters->bytes_sent;
    accepted += port_accepted;
    bytes += port_bytes;
    ports.push_back({{"host", port.at.host},
                     {"port", port.at.port},
                     {"service", port.service_name},
                     {"name", port.name},
                     {"accepted", port_accepted},
                     {"bytes", port_bytes}});
  }
  const boost::json::object statistics{{"uptime_s", seconds(Clock::now() - started_)},
                                       {"accepted", accepted},
                                       {"active", accepted - ended_},
                                       {"ended", ended_},
                                       {"bytes", bytes},
                                       {"ports", std::move(ports)}};
  spdlog::info("{}", boost::json::serialize(statistics));
}

}  // namespace poetry
