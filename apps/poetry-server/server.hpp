// The server between its options and its engine or workers: tells the world what it listens on,
// runs the command of --run, and answers signals. Lives as long as main's serve().
#pragma once

#include <memory>
#include <optional>

#include "control_socket.hpp"
#include "net/child.hpp"
#include "net/service_manager.hpp"
#include "net/signals.hpp"
#include "own_file.hpp"
#include "serving.hpp"
#include "workers.hpp"

namespace poetry::server {

class Server : public engine::Host {
 public:
  /// Reads the command line again at SIGHUP. Raises UsageError and std::system_error, before
  /// anything is served.
  Server(ServerOptions options, int argc, const char* const* argv);

  /// Serves until told to stop; the exit status.
  int run();

  engine::Command control(engine::Connections& connections) override;
  engine::Command ended(const engine::Ended& connection) override;

 private:
  engine::Command take_signals();
  void take_commands(engine::Connections* connections);
  std::optional<std::string> answer(std::string_view text, engine::Connections* connections);
  void announce() const;
  void write_ready_file();
  void start_command();
  void serve_by_workers();
  void end_reload();
  int end_command();
  engine::Command drain();
  bool is_reloading();

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

}  // namespace poetry::server
