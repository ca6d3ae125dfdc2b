// What poetry-server's command line says; the struct holds the defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "faults/fault_spec.hpp"
#include "net/address.hpp"
#include "net/socket.hpp"
#include "session/services.hpp"

namespace poetry::server {

struct ServerOptions {
  std::string ports = "10000";
  std::string host = "127.0.0.1";
  bool v6only = false;
  std::vector<std::string> serve;
  session::ServiceSettings settings;  ///< pacing, most clients, send timeout, faults
  std::string engine = "asio";
  std::string workers = "1";  ///< a count, or "auto"
  base::Duration tick = std::chrono::milliseconds(1);
  std::uint64_t max_poem = 0;  ///< bytes; 0 is half of the memory available
  std::uint64_t backlog = 4096;
  base::Duration drain_timeout = std::chrono::seconds(5);
  std::optional<std::uint64_t> seed;  ///< of jitter and faults; none: from the clock
  std::uint64_t exit_after = 0;       ///< connections; 0 is no limit
  std::string ready_file;
  std::string run;
  std::string control;  ///< a Unix socket's path; empty for none
  bool check = false;
  cli::LogOptions log;
  std::vector<std::string> poems;
};

/// Fills `options`; `done` when --help or the like was asked for and printed.
/// Raises UsageError, and std::system_error where the config file cannot be read.
cli::Parsed parse_server_options(int argc, const char* const* argv, ServerOptions& options);

/// What to serve where: one entry a port, in the order of the poems and then of --serve.
struct Plan {
  net::HostPort at;  ///< port 0 takes a free one
  session::ServiceSpec spec;
  faults::FaultPlan faults;
  net::Families families = net::Families::both;  ///< of the address "::"
};

/// Raises UsageError where ports and poems do not match, or a --serve or a fault does not parse.
std::vector<Plan> plan_ports(const ServerOptions& options);

/// How many processes serve: as many as --workers says, or one for each processor that this
/// process may use.
std::size_t worker_count(const ServerOptions& options);

}  // namespace poetry::server
