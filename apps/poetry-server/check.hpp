// Whether the limits of this process leave room for what its options ask for; and poetry-server
// --check: what would fail with these options, and what helps, without serving.
#pragma once

#include "engine/engine.hpp"
#include "options.hpp"

namespace poetry::server {

/// Each says how much there is room for, and raises base::Failure where that is not enough:
/// --max-clients, the server's and its ports' own;
std::string require_clients(const engine::Engine& engine, const ServerOptions& options,
                            const std::vector<Plan>& plans);
/// --workers, where there are several. Of each the parent keeps a pipe and the listeners open.
std::string require_workers(const ServerOptions& options, const std::vector<Plan>& plans);

/// Prints the report; returns the exit status. Raises what the options themselves raise
/// (UsageError).
int check(const ServerOptions& options);

}  // namespace poetry::server
