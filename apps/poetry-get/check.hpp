// poetry-get --check: what would fail with these options, and what helps, without fetching.
#pragma once

#include "options.hpp"

namespace poetry::get {

/// Prints the report; returns the exit status. Raises what the options and lists themselves raise
/// (UsageError, std::system_error).
int check(const GetOptions& options);

}  // namespace poetry::get
