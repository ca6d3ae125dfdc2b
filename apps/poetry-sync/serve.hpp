// The commands that run until they are told to stop: serve, web and worker.
#pragma once

#include "options.hpp"

namespace poetry::sync {

/// Prints a line for each listener once it is bound, and serves until SIGINT, SIGTERM or the
/// control port's quit; the exit status. Raises UsageError, DatabaseError and std::system_error.
int run_serve(const SyncOptions& options);

}  // namespace poetry::sync
