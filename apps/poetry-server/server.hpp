// The server between its options and its engine: binds everything or nothing, tells the world what
// it listens on, and answers signals. Lives as long as main's serve().
#pragma once

#include <optional>

#include "engine/engine.hpp"
#include "net/child.hpp"
#include "net/signals.hpp"
#include "ports.hpp"

namespace poetry {

class Server : public Host {
 public:
  /// Reads the command line again at SIGHUP. Raises UsageError and std::system_error, before
  /// anything is served.
  Server(ServerOptions options, int argc, const char* const* argv);

  /// Serves until told to stop; the exit status.
  int run();

  Command control() override;
  Command ended(const Ended& connection) override;

 private:
  void check_capacity(const ServerOptions& options, const std::vector<Plan>& plans) const;
  void announce() const;
  void write_ready_file() const;
  void start_command();
  void reload();
  void log_statistics() const;
  void log_fault(const Fired& fired) const;
  Command drain();

  ServerOptions options_;
  int argc_;
  const char* const* argv_;
  std::uint64_t seed_;
  Signals signals_;
  std::unique_ptr<Engine> engine_;
  std::optional<Ports> ports_;
  std::optional<Child> command_;
  TimePoint started_;
  std::uint64_t ended_ = 0;
  bool draining_ = false;
};

}  // namespace poetry
