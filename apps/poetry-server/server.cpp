#include "server.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/shown_text.hpp"
#include "cli/main.hpp"
#include "cli/standard_output.hpp"
#include "reactor/timeout.hpp"

namespace poetry::server {

Server::Server(ServerOptions options, int argc, const char* const* argv)
    : signals_({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}),
      ready_file_(options.ready_file),
      serving_(std::move(options), argc, argv) {}

int Server::run() {
  if (serving_.workers() > 1) workers_.emplace(serving_).start();
  ready_file_.write(ready_text());
  announce();
  service_manager_.ready();
  if (!serving_.options().run.empty()) start_command();
  if (workers_) {
    serve_by_workers();
  } else {
    serving_.serve(*this, signals_.fd());
  }
  int status = command_ ? end_command() : cli::exit_ok;
  if (workers_ && workers_->failed()) status = cli::exit_failure;
  if (serving_.reload().is_reading()) {  // a poem, maybe a long one, which nothing can end
    ready_file_.remove();
    base::flush_log();
    ::_exit(status);
  }
  return status;
}

/// The command's status. What ignores a signal is killed by the next one.
int Server::end_command() {
  command_->signal(asked_to_end_ > 1 ? SIGKILL : SIGTERM);  // does nothing where it has ended
  for (;;) {
    if (const auto status = command_->reap()) return *status;
    pollfd waited{signals_.fd(), POLLIN, 0};
    ::poll(&waited, 1, -1);
    while (const auto number = signals_.take()) {
      if (*number == SIGINT || *number == SIGTERM)
        command_->signal(++asked_to_end_ > 1 ? SIGKILL : *number);
    }
  }
}

void Server::serve_by_workers() {
  workers_->serve();
  while (!workers_->gone()) {
    std::array<pollfd, 3> waited{{{signals_.fd(), POLLIN, 0},
                                  {serving_.reload().readable(), POLLIN, 0},
                                  {workers_->wakeup(), POLLIN, 0}}};
    const auto due = workers_->due();
    const auto limit =
        reactor::to_timespec(due == base::never ? reactor::forever : due - base::Clock::now());
    ::ppoll(waited.data(), waited.size(), limit ? &*limit : nullptr, nullptr);
    const auto command = control();
    if (command == engine::Command::drain) workers_->drain();
    if (command == engine::Command::stop) workers_->stop();
    workers_->look();
    // All have read what is new.
    if (!workers_->reloading() && !serving_.reload().is_reading()) service_manager_.ready();
    if (workers_->ending()) service_manager_.stopping();
  }
}

void Server::announce() const {
  std::string text;
  for (const auto& port : serving_.ports().all()) {
    text += "listening " + net::to_string(port.at) + " " + port.service_name + " " +
            base::shown_utf8(port.name) + "\n";
  }
  cli::write_standard_output(text);
}

std::string Server::ready_text() const {
  boost::json::array list;
  for (const auto& port : serving_.ports().all()) {
    list.push_back({{"host", port.at.host},
                    {"port", port.at.port},
                    {"service", port.service_name},
                    {"name", port.name}});
  }
  return base::json_text(list) + "\n";
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
  end_reload();
  while (const auto number = signals_.take()) {
    if (*number == SIGHUP) {
      service_manager_.reloading(base::Clock::now());
      serving_.begin_reload();
    } else if (*number == SIGUSR1) {
      serving_.tell_statistics();
    } else if (*number == SIGCHLD) {
      if (command_ && command_->reap()) command = engine::Command::stop;
    } else if (command != engine::Command::stop) {
      ++asked_to_end_;
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

void Server::end_reload() {
  try {
    if (!serving_.end_reload()) return;
    if (workers_) {
      workers_->reload();
    } else {
      base::log_info("read poems and configuration again");
    }
  } catch (const std::exception& error) {
    base::log_error("kept the old poems and configuration: {}", error.what());
  }
  const bool again = serving_.reload().is_reading() || (workers_ && workers_->reloading());
  if (!again) service_manager_.ready();
}

}  // namespace poetry::server
