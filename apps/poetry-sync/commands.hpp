// What the commands do.
#pragma once

#include "options.hpp"

namespace poetry::sync {

/// Each is an exit status, and raises UsageError, Refusal, DatabaseError and std::system_error.

/// Those that ask, answer and end.
int run_command(const SyncOptions& options);

/// Of those, by texts.cpp: text and export.
int print_text(const SyncOptions& options, store::Store& store);
int export_texts(const SyncOptions& options, store::Store& store);

/// Those that run until they are told to stop: serve, web and worker. Prints a line for each
/// listener once it is bound, and serves until SIGINT, SIGTERM or the control port's quit.
int run_serve(const SyncOptions& options);

}  // namespace poetry::sync
