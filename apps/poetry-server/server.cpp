#include "server.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/shown_text.hpp"
#include "cli/main.hpp"
#include "cli/replaced_file.hpp"
#include "cli/standard_output.hpp"
#include "control_socket.hpp"
#include "net/child.hpp"
#include "net/service_manager.hpp"
#include "net/signals.hpp"
#include "own_file.hpp"
#include "reactor/timeout.hpp"
#include "serving.hpp"
#include "workers.hpp"

namespace poetry::server {
namespace {

/// An earlier server's file goes, so that nobody takes it for this one's.
const std::string& cleared(const std::string& ready_file) {
  std::error_code error;
  if (std::filesystem::symlink_status(ready_file, error).type() ==
      std::filesystem::file_type::regular)
    ::unlink(ready_file.c_str());
  return ready_file;
}

std::unique_ptr<ControlSocket> make_control(const ServerOptions& options) {
  if (options.control.empty()) return nullptr;
  return base::with_remedy(base::path_remedy,
                           [&] { return std::make_unique<ControlSocket>(options.control); });
}

/// One reply of the workers' replies.
std::string joined(ControlLine::What what, const std::vector<std::string>& replies) {
  const auto is_error = [](const std::string& reply) { return reply.starts_with("error"); };
  const auto error = std::ranges::find_if(replies, is_error);
  if (what == ControlLine::What::close) {  // one has it
    const auto done = std::ranges::find(replies, "ok");
    return done != replies.end() || error == replies.end() ? "ok" : *error;
  }
  if (error != replies.end()) return *error;
  if (what != ControlLine::What::connections) return "ok";
  boost::json::array all;
  for (const auto& reply : replies) {
    const auto list = boost::json::parse(reply);
    for (const auto& connection : list.as_array()) all.push_back(connection);
  }
  return base::json_text(all);
}

/// Answers signals and the control socket, for an engine or between two turns of the workers.
class Server : public engine::Host {
 public:
  Server(ServerOptions options, int argc, const char* const* argv)
      : signals_({SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}),
        ready_file_(cleared(options.ready_file)),
        control_(make_control(options)),
        serving_(std::move(options), argc, argv) {}

  int run() {
    if (serving_.workers() > 1) {
      workers_.emplace(serving_, [this] { control_.reset(); }).start();
      serving_.reload().readable();  // makes what it takes, before anybody is told
      ready();
      serve_by_workers();
    } else {
      std::vector controls{signals_.fd()};
      if (control_) controls.push_back(control_->readable());
      serving_.serve(*this, controls);
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

  /// Tells the world what it listens on: the ready file's readers, those of standard output, the
  /// service manager and the command of --run.
  void ready() override {
    const auto& options = serving_.options();
    boost::json::array ready;
    std::string text;
    std::string servers = "POETRY_SERVERS=";
    std::string ports = "POETRY_PORTS=";
    std::string_view space;
    for (const auto& port : serving_.ports().all()) {
      const auto& [host, number] = port.at;
      const auto at = net::to_string(port.at);
      ready.push_back(
          {{"host", host}, {"port", number}, {"service", port.service_name}, {"name", port.name}});
      text +=
          "listening " + at + " " + port.service_name + " " + base::shown_utf8(port.name) + "\n";
      servers.append(space).append(at);
      ports.append(space).append(std::to_string(number));
      space = " ";
    }
    if (!options.ready_file.empty()) {
      base::with_remedy(base::path_remedy, [&] {
        cli::replace_file(options.ready_file, base::json_text(ready) + "\n");
      });
      ready_file_.claim();
    }
    cli::write_standard_output(text);
    service_manager_.ready();
    if (options.run.empty()) return;
    command_.emplace(options.run, std::vector{servers, ports}, signals_.previous_mask());
  }

  engine::Command control(engine::Connections& connections) override {
    const auto command = take_signals();
    take_commands(&connections);
    return command;
  }

  engine::Command ended(const engine::Ended& connection) override {
    if (!serving_.count(connection)) return engine::Command::go_on;
    draining_ = true;
    service_manager_.stopping();
    return engine::Command::drain;
  }

 private:
  /// The command's status. What ignores a signal is killed by the next one.
  int end_command() {
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

  void serve_by_workers() {
    workers_->serve();
    while (!workers_->gone()) {
      std::array<pollfd, 4> waited{{{signals_.fd(), POLLIN, 0},
                                    {serving_.reload().readable(), POLLIN, 0},
                                    {workers_->wakeup(), POLLIN, 0},
                                    {control_ ? control_->readable() : -1, POLLIN, 0}}};
      reactor::poll_until(waited, workers_->due());
      try {
        look_after_workers();
      } catch (const std::bad_alloc&) {  // a later turn does it
        base::log_error("out of memory");
      }
    }
  }

  void look_after_workers() {
    const auto command = take_signals();
    if (command == engine::Command::drain) workers_->drain();
    if (command == engine::Command::stop) workers_->stop();
    workers_->look();
    take_commands(nullptr);
    if (!is_reloading()) service_manager_.ready();  // all have read what is new
    if (workers_->ending()) service_manager_.stopping();
  }

  void take_commands(engine::Connections* connections) {
    if (!control_) return;
    control_->serve([&](std::string_view line) { return answer(line, connections); });
  }

  /// None while what is served is being read again, or workers have not answered.
  std::optional<std::string> answer(std::string_view text, engine::Connections* connections) {
    if (is_reloading()) return std::nullopt;
    bool waits = false;
    const auto reply = reply_to([&]() -> std::string {
      const auto line = parse_control_line(text);
      if (connections != nullptr) return serving_.obey(line, *connections);
      if (line.what == ControlLine::What::stats) return base::json_text(serving_.statistics());
      if (!asked_) {
        serving_.change(line);
        workers_->ask(text);
        asked_ = true;
      }
      waits = !workers_->answered();
      if (waits) return {};
      asked_ = false;
      return joined(line.what, workers_->answers());
    });
    if (waits) return std::nullopt;
    if (reply == "ok") base::log_info("control: {}", base::shown_utf8(text));
    return reply;
  }

  engine::Command take_signals() {
    auto command = engine::Command::go_on;
    end_reload();
    while (const auto number = signals_.take()) {
      if (*number == SIGHUP) {
        serving_.reload().begin();
        service_manager_.reloading(base::Clock::now());
      } else if (*number == SIGUSR1) {
        serving_.tell_statistics();
      } else if (*number == SIGCHLD) {
        if (command_ && command_->reap()) command = engine::Command::stop;
      } else if (command != engine::Command::stop) {
        ++asked_to_end_;
        const bool again = std::exchange(draining_, true) || (workers_ && workers_->ending());
        command = again ? engine::Command::stop : engine::Command::drain;
        if (command_) command_->signal(*number);
      }
    }
    if (command != engine::Command::go_on) service_manager_.stopping();
    return command;
  }

  void end_reload() {
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
    if (!is_reloading()) service_manager_.ready();
  }

  bool is_reloading() {
    return serving_.reload().is_reading() || (workers_ && workers_->reloading());
  }

  net::ServiceManager service_manager_;
  net::Signals signals_;
  OwnFile ready_file_;
  std::unique_ptr<ControlSocket> control_;
  Serving serving_;
  std::optional<Workers> workers_;  // where there are several
  std::optional<net::Child> command_;
  bool asked_ = false;  // the workers, about a control line
  bool draining_ = false;
  int asked_to_end_ = 0;  // by signals
};

}  // namespace

int serve(ServerOptions options, int argc, const char* const* argv) {
  return Server(std::move(options), argc, argv).run();
}

}  // namespace poetry::server
