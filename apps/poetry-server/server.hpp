// The server between its options and its engine or workers: tells the world what it listens on,
// runs the command of --run, and answers signals.
#pragma once

#include "options.hpp"

namespace poetry::server {

/// Serves until told to stop; the exit status. Reads the command line again at SIGHUP. Raises
/// UsageError and std::system_error, before anything is served.
int serve(ServerOptions options, int argc, const char* const* argv);

/// --check: prints what would fail with these options, and what helps, without serving; returns the
/// exit status. Raises what the options themselves raise (UsageError).
int check(const ServerOptions& options);

}  // namespace poetry::server
