// The options of poetry-sync's commands, in groups: each command has some of them.
#pragma once

#include <vector>

#include "options.hpp"

namespace poetry::sync {

using Options = std::vector<cli::Option>;

/// Each appends its options, whose values arrive in the struct; that has to outlive the table.
void add_database(Options& table, SyncOptions& options);
void add_web(Options& table, SyncOptions& options);
void add_control(Options& table, SyncOptions& options);
void add_keep_alive(Options& table, SyncOptions& options);
void add_token(Options& table, SyncOptions& options);
void add_worker(Options& table, SyncOptions& options);
void add_name(Options& table, SyncOptions& options);
void add_wait(Options& table, SyncOptions& options);
void add_follow(Options& table, SyncOptions& options);
void add_json(Options& table, SyncOptions& options);

}  // namespace poetry::sync
