// What is served, how, and what came of it: the part of the server that is the same whether it
// serves by itself or by workers. Made once, before any worker, each of which then has a copy; the
// figures are common to all of them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "control_line.hpp"
#include "engine/engine.hpp"
#include "ports.hpp"

namespace poetry::server {

/// Whether the limits of this process leave room for what its options ask for. Each says how much
/// there is room for, and raises base::Failure where that is not enough:
/// --max-clients, the server's and its ports' own;
std::string require_clients(const engine::Engine& engine, const ServerOptions& options,
                            const std::vector<Plan>& plans);
/// --workers, where there are several. Of each the parent keeps a pipe and the listeners open.
std::string require_workers(const ServerOptions& options, const std::vector<Plan>& plans);

/// What the ports' own counters do not tell, in memory that all processes share.
struct Totals {
  std::atomic<std::uint64_t> ended{0};     ///< connections
  std::atomic<std::uint64_t> replaced{0};  ///< workers
};

/// What was read, to be taken over between two turns.
struct Renewal {
  ServerOptions options;
  std::vector<Plan> plans;
  std::vector<Served> served;
};

/// Poems and settings that are read again beside the server, which goes on meanwhile. Waits at its
/// end for what is being read.
class Reload {
 public:
  /// `read` runs in a thread.
  explicit Reload(std::function<Renewal()> read) : read_(std::move(read)) {}

  /// Begins to read; once more, where it is asked again meanwhile. Where no thread can be had,
  /// take() reads; what else fails take() passes on.
  void begin();
  /// What was read, once for each reading; none as long as nothing is new. Passes on what failed.
  std::optional<Renewal> take();
  /// Readable when take() has something. A forked process has one of its own. Raises
  /// std::system_error.
  int readable();
  [[nodiscard]] bool is_reading() const { return renewal_.valid() || refused_; }

 private:
  std::function<Renewal()> read_;
  base::Fd done_;      // an eventfd(2)
  pid_t process_ = 0;  // that has it
  bool again_ = false;
  std::future<Renewal> renewal_;
  std::exception_ptr refused_;  // by begin()
};

class Serving {
 public:
  /// Binds everything or nothing. Raises UsageError and std::system_error.
  Serving(ServerOptions options, int argc, const char* const* argv);
  Serving(const Serving&) = delete;  // the ports report faults to this object
  Serving& operator=(const Serving&) = delete;

  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] Ports& ports() { return *ports_; }
  [[nodiscard]] Totals& totals() { return *totals_; }

  /// Lends the ports to the engine until a command ends it, for which the host is asked when one of
  /// `controls` is readable, or something was read again.
  void serve(engine::Host& host, std::vector<int> controls);
  /// Whether there is something new, which is taken over now. Raises what was wrong with it; then
  /// all stays as it was.
  bool end_reload();
  /// Reads poems and settings again, from the same command line and its config file.
  [[nodiscard]] Reload& reload() { return reload_; }
  /// Logs and counts a connection that has ended. Whether it is the last one of --exit-after; one
  /// connection of all processes is.
  bool count(const engine::Ended& connection);
  /// Whether so many connections have ended, wherever, as --exit-after wants.
  [[nodiscard]] bool is_enough() const;
  /// Of all processes, as JSON.
  [[nodiscard]] boost::json::object statistics();
  /// Logs them.
  void tell_statistics();
  /// Does what a control line says, to the connections of this process; the reply. Raises
  /// UsageError. Not while something is being read again.
  std::string obey(const ControlLine& line, engine::Connections& connections);
  /// Of a line that changes what is served; does nothing for any other.
  void change(const ControlLine& line);

 private:
  [[nodiscard]] Renewal read_again() const;
  void log_fault(const faults::Fired& fired);

  ServerOptions options_;
  int argc_;
  const char* const* argv_;
  std::size_t workers_;
  std::uint64_t seed_;
  engine::Engine engine_;
  std::optional<Ports> ports_;
  std::shared_ptr<Totals> totals_;
  base::TimePoint started_;
  Reload reload_{[this] { return read_again(); }};  // goes first
};

}  // namespace poetry::server
