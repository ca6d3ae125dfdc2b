// One run: processes of workers and of people who press, over one store, until every job is over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "poetry-sync/store/store.hpp"
#include "simulation/store_checks.hpp"
#include "simulation/store_database.hpp"
#include "simulation/store_faults.hpp"
#include "simulation/store_server.hpp"
#include "simulation/store_worker.hpp"

namespace poetry::sync::simulation {

enum class Action { request, request_all, cancel, retry, rename, move, schedule, remove };

struct Press {
  base::Duration at{};  ///< since the beginning
  Action action = Action::request;
  std::size_t record = 0;
};

struct Scenario {
  std::string name;
  std::vector<store::RecordType> records = {};
  std::vector<std::vector<Press>> people = {};  ///< each presses one thing after the other
  std::uint64_t workers = 2;
  WorkerOptions worker = {};
  ServerPlan servers = {};
  FaultPlan faults = {};
  base::Duration restart = 200ms;  ///< after a process has ended, at most where that is drawn
  bool is_watched = false;         ///< by a page's feed of changes
  std::uint64_t most_faults = 2;   ///< placed at once
};

struct Outcome {
  std::string failure;  ///< empty where all was well
  std::vector<Place> places;
  std::uint64_t commits = 0;
  std::size_t jobs = 0;
};

/// Without draws everybody takes turns, and each point takes the same time.
Outcome run(Disk& disk, const Scenario& scenario, Draws* draws);

/// The short ones, for faults at every point.
const std::vector<Scenario>& short_scenarios();
/// One by a seed's draws.
Scenario drawn_scenario(Draws& draws);

}  // namespace poetry::sync::simulation
