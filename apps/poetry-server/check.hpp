// poetry-server --check: what would fail with these options, and what helps, without serving.
#pragma once

#include "options.hpp"

namespace poetry::server {

/// Prints the report; returns the exit status. Raises what the options themselves raise
/// (UsageError).
int check(const ServerOptions& options);

}  // namespace poetry::server
