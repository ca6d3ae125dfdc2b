// The commands that ask, answer and end.
#pragma once

#include "options.hpp"

namespace poetry::sync {

/// Runs options.command; the exit status. Raises UsageError, Refusal, DatabaseError and
/// std::system_error.
int run_command(const SyncOptions& options);

}  // namespace poetry::sync
