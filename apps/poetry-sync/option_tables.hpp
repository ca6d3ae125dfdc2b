// The options of poetry-sync's commands, in groups: each command has some of them.
#pragma once

#include <vector>

#include "options.hpp"

namespace poetry::sync {

enum class Group { database, page, control, keep_alive, token, worker, name, wait, follow, json };

/// The options of these groups, in the order of the man page. Their values arrive in the struct,
/// which has to outlive them.
std::vector<cli::Option> options_of(const std::vector<Group>& groups, SyncOptions& options);

}  // namespace poetry::sync
