// Whether the limits of this process leave room for what its options ask for. Each function says
// how much there is room for, and raises std::runtime_error where that is not enough.
#pragma once

#include "engine/engine.hpp"
#include "options.hpp"

namespace poetry::server {

/// --max-clients, the server's and its ports' own.
std::string require_clients(const engine::Engine& engine, const ServerOptions& options,
                            const std::vector<Plan>& plans);

/// --workers, where there are several. Of each the parent keeps a pipe and the listeners open.
std::string require_workers(const ServerOptions& options, const std::vector<Plan>& plans);

}  // namespace poetry::server
