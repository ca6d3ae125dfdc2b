#include "server.hpp"

#include <poll.h>

#include <array>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "cli/main.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "reactor/timeout.hpp"

namespace poetry::server {

Server::Server(ServerOptions options, int argc, const char* const* argv)
    : signals_({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}),
      serving_(std::move(options), argc, argv) {}

int Server::run() {
  if (serving_.workers() > 1) workers_.emplace(serving_).start();
  write_ready_file();
  announce();
  service_manager_.ready();
  if (!serving_.options().run.empty()) start_command();
  if (workers_) {
    serve_by_workers();
  } else {
    serving_.serve(*this, signals_.fd());
  }
  if (command_) command_->signal(SIGTERM);  // does nothing where it has ended
  const int status = command_ ? command_->wait() : cli::exit_ok;
  return workers_ && workers_->failed() ? cli::exit_failure : status;
}

void Server::serve_by_workers() {
  workers_->serve();
  while (!workers_->gone()) {
    std::array<pollfd, 2> waited{{{signals_.fd(), POLLIN, 0}, {workers_->wakeup(), POLLIN, 0}}};
    const auto due = workers_->due();
    const auto limit =
        reactor::to_timespec(due == base::never ? reactor::forever : due - base::Clock::now());
    ::ppoll(waited.data(), waited.size(), limit ? &*limit : nullptr, nullptr);
    const auto command = control();
    if (command == engine::Command::drain) workers_->drain();
    if (command == engine::Command::stop) workers_->stop();
    workers_->look();
    if (!workers_->reloading()) service_manager_.ready();  // all have read what is new
    if (workers_->ending()) service_manager_.stopping();
  }
}

void Server::announce() const {
  std::string text;
  for (const auto& port : serving_.ports().all()) {
    text +=
        "listening " + net::to_string(port.at) + " " + port.service_name + " " + port.name + "\n";
  }
  cli::write_standard_output(text);
}

void Server::write_ready_file() const {
  if (serving_.options().ready_file.empty()) return;
  boost::json::array list;
  for (const auto& port : serving_.ports().all()) {
    list.push_back({{"host", port.at.host},
                    {"port", port.at.port},
                    {"service", port.service_name},
                    {"name", port.name}});
  }
  base::with_remedy(base::path_remedy, [&] {
    cli::replace_file(serving_.options().ready_file, base::json_text(list) + "\n");
  });
}

void Server::start_command() {
  std::string servers = "POETRY_SERVERS=";
  std::string ports = "POETRY_PORTS=";
  for (const auto& port : serving_.ports().all()) {
    const auto* space = &port == serving_.ports().all().data() ? "" : " ";
    servers.append(space).append(net::to_string(port.at));
    ports.append(space).append(std::to_string(port.at.port));
  }
  command_.emplace(serving_.options().run, std::vector{servers, ports}, signals_.previous_mask());
}

engine::Command Server::control() {
  auto command = engine::Command::go_on;
  while (const auto number = signals_.take()) {
    if (*number == SIGHUP) {
      reload();
    } else if (*number == SIGUSR1) {
      base::log_info("{}", serving_.statistics());
    } else if (*number == SIGCHLD) {
      if (command_ && command_->reap()) command = engine::Command::stop;
    } else if (command != engine::Command::stop) {
      command = draining_ || (workers_ && workers_->ending()) ? engine::Command::stop : drain();
      if (command_) command_->signal(*number);
    }
  }
  if (command != engine::Command::go_on) service_manager_.stopping();
  return command;
}

engine::Command Server::drain() {
  draining_ = true;
  service_manager_.stopping();
  return engine::Command::drain;
}

engine::Command Server::ended(const engine::Ended& connection) {
  return serving_.count(connection) ? drain() : engine::Command::go_on;
}

void Server::reload() {
  service_manager_.reloading(base::Clock::now());
  try {
    serving_.reload();
    if (workers_) {
      workers_->reload();
    } else {
      base::log_info("read poems and configuration again");
    }
  } catch (const std::exception& error) {
    base::log_error("kept the old poems and configuration: {}", error.what());
  }
  if (!workers_ || !workers_->reloading()) service_manager_.ready();
}

}  // namespace poetry::server
