#include "server.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "base/error.hpp"
#include "base/shared_memory.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

Address address_of(const HostPort& at) {
  const auto resolved = resolve(at);
  if (resolved.addresses.empty()) {
    throw std::system_error(resolved.error, "resolve " + at.host);
  }
  // A name such as localhost stands for both families; clients that name no host use IPv4.
  for (const auto& address : resolved.addresses) {
    if (address.family() == AF_INET) return address;
  }
  return resolved.addresses.front();
}

/// Puts a plan's service and limits into its port; connections under way keep what they have.
void equip(Port& port, const ServiceSpec& spec, std::shared_ptr<Service> service,
           const std::shared_ptr<Quota>& shared) {
  port.service_name = spec.service;
  port.name = spec.name;
  port.service = std::move(service);
  port.send_timeout = spec.settings.send_timeout;
  if (!spec.settings.own_max_clients) {
    port.quota = shared;
  } else if (port.quota && port.quota != shared) {
    port.quota->limit = spec.settings.max_clients;
  } else {
    port.quota = std::make_shared<Quota>(Quota{spec.settings.max_clients});
  }
}

/// Services for all plans; ports with the same poem share its bytes.
std::vector<std::shared_ptr<Service>> make_services(const std::vector<Plan>& plans) {
  std::vector<std::shared_ptr<Service>> services;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto same = [&](const Plan& plan) { return plan.spec == plans[i].spec; };
    const auto first = std::find_if(plans.begin(), plans.end(), same) - plans.begin();
    services.push_back(static_cast<std::size_t>(first) < i
                           ? services[static_cast<std::size_t>(first)]
                           : make_service(plans[i].spec, {}));
  }
  return services;
}

}  // namespace

Server::Server(ServerOptions options, int argc, const char* const* argv)
    : options_(std::move(options)),
      argc_(argc),
      argv_(argv),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}),
      engine_(make_engine(options_.engine)),
      quota_(std::make_shared<Quota>(Quota{options_.settings.max_clients})),
      plans_(plan_ports(options_)),
      started_(Clock::now()) {
  bind();
}

void Server::bind() {
  auto services = make_services(plans_);
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    auto& port = ports_.emplace_back();
    port.listener = listen_on(address_of(plans_[i].at), static_cast<int>(options_.backlog));
    const auto bound = local_address(port.listener.get());
    port.at = {bound.host(), bound.port()};
    port.counters = make_shared_memory<Counters>();
    equip(port, plans_[i].spec, std::move(services[i]), quota_);
  }
}

int Server::run() {
  write_ready_file();
  announce();
  if (!options_.run.empty()) start_command();
  engine_->serve(ports_, *this, {signals_.fd(), options_.drain_timeout});
  if (!command_) return exit_ok;
  command_->signal(SIGTERM);  // does nothing where it has ended
  return command_->wait();
}

void Server::announce() const {
  std::string text;
  for (const auto& port : ports_) {
    text += "listening " + to_string(port.at) + " " + port.service_name + " " + port.name + "\n";
  }
  write_standard_output(text);
}

/// Written aside and renamed, so that who waits for the file finds it whole.
void Server::write_ready_file() const {
  if (options_.ready_file.empty()) return;
  boost::json::array list;
  for (const auto& port : ports_) {
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
  for (const auto& port : ports_) {
    const auto* space = &port == &ports_.front() ? "" : " ";
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
  SPDLOG_INFO("closed peer={} port={} conn={} service={} bytes={} elapsed={:.3f}s reason={}",
              to_string(connection.peer), connection.port.at.port, connection.number,
              connection.port.service_name, connection.bytes, seconds(connection.elapsed),
              to_string(connection.reason));
  if (options_.exit_after != 0 && ended_ == options_.exit_after) return drain();
  return Command::go_on;
}

/// Takes over poems and settings from the same command line and its config file, all or nothing.
void Server::reload() {
  try {
    ServerOptions options;
    parse_server_options(argc_, argv_, options);
    auto plans = plan_ports(options);
    const auto same_place = [](const Plan& one, const Plan& other) { return one.at == other.at; };
    if (!std::equal(plans.begin(), plans.end(), plans_.begin(), plans_.end(), same_place)) {
      throw UsageError("ports and hosts change by a restart only", options.ports);
    }
    auto services = make_services(plans);
    quota_->limit = options.settings.max_clients;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      equip(ports_[i], plans[i].spec, std::move(services[i]), quota_);
    }
    plans_ = std::move(plans);
    spdlog::info("read poems and configuration again");
  } catch (const std::exception& error) {
    spdlog::error("kept the old poems and configuration: {}", error.what());
  }
}

void Server::log_statistics() const {
  boost::json::array ports;
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;
  for (const auto& port : ports_) {
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
