// What simulated servers send, and when. Each address has a text of its own: a poem's always the
// same, a weblog's by the clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fetch/strategy.hpp"
#include "poetry-sync/store/store.hpp"
#include "simulation/store_world.hpp"

namespace poetry::sync::simulation {

/// How servers behave in a run.
struct ServerPlan {
  std::uint64_t lines = 3;              ///< of a poem
  std::uint64_t poems = 2;              ///< of a catalog
  base::Duration gap = 60ms;            ///< between two pieces, at most where that is drawn
  std::uint64_t failing_per_mille = 0;  ///< answers that break off
  bool in_pieces = false;               ///< cut anywhere, and not line by line
  bool unfinished = false;              ///< the last line has no newline
};

/// The host of every server; the port says what it serves.
inline const std::string server_host = "192.0.2.1";
std::string address_of(store::RecordType type, std::uint64_t record, std::uint64_t version);

/// What the server of a poem's address sends.
std::string poem_at(const std::string& address, const ServerPlan& plan);
/// The number that a weblog's line has.
std::int64_t weblog_number(const std::string& line);

/// In force for the world's servers.
ServerPlan& server_plan();

/// As a strategy: each server's answer in its time, until the thread gets a signal.
void fetch_simulated(const fetch::Batch& batch, fetch::Observer& observer);

}  // namespace poetry::sync::simulation
