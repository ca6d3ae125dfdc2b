// The commands that run until they are told to stop: serve, web and worker.
#pragma once

#include "options.hpp"

namespace poetry {

/// Prints a line for each listener once it is bound, and serves until SIGINT, SIGTERM or the
/// control port's quit; the exit status. Raises UsageError, DatabaseError and std::system_error.
int run_serve(const SyncOptions& options);

/// The token in the first line of a file, none where there is no file. Raises UsageError where it
/// is empty or has characters that a header field or a line cannot take, std::system_error where
/// the file cannot be read.
std::string read_token(const std::string& file);

}  // namespace poetry
