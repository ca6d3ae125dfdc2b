// What poetry-server's command line says; the struct holds the defaults.
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "net/address.hpp"
#include "session/services.hpp"

namespace poetry {

struct ServerOptions {
  std::string ports = "10000";
  std::string host = "127.0.0.1";
  std::vector<std::string> serve;
  ServiceSettings settings;  ///< delay, first delay, chunk, repeat, most clients, send timeout
  std::string engine = "asio";
  std::uint64_t backlog = 4096;
  Duration drain_timeout = std::chrono::seconds(5);
  std::uint64_t exit_after = 0;  ///< connections; 0 is no limit
  std::string ready_file;
  std::string run;
  LogOptions log;
  std::vector<std::string> poems;
};

/// Fills `options`; `done` when --help or the like was asked for and printed.
/// Raises UsageError, and std::system_error where the config file cannot be read.
Parsed parse_server_options(int argc, const char* const* argv, ServerOptions& options);

/// What to serve where: one entry a port, in the order of the poems and then of --serve.
struct Plan {
  HostPort at;  ///< port 0 takes a free one
  ServiceSpec spec;
};

/// Raises UsageError where ports and poems do not match, or a --serve does not parse.
std::vector<Plan> plan_ports(const ServerOptions& options);

}  // namespace poetry
