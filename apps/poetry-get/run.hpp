// What poetry-get does once its options are known.
#pragma once

#include "options.hpp"

namespace poetry::get {

/// Fetches, prints and reports; the exit status. Raises UsageError, and std::system_error where
/// the output fails.
int run_get(const GetOptions& options);

/// --check: prints what would fail with these options, and what helps, without fetching; returns
/// the exit status. Raises what the options and lists themselves raise (UsageError,
/// std::system_error).
int check(const GetOptions& options);

}  // namespace poetry::get
