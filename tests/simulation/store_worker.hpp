// The worker as it is, in a simulated process: its threads are fibers, its clock is the world's,
// and its fetching is the servers' answers.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "poetry-sync/store/store.hpp"

namespace poetry::sync::simulation {

/// Those of work::JobOptions that a run draws.
struct WorkerOptions {
  base::Duration lease = std::chrono::milliseconds(300);
  base::Duration interval = std::chrono::milliseconds(50);
  base::Duration retry_delay = std::chrono::milliseconds(100);
  base::Duration follow = std::chrono::milliseconds(500);
  std::uint64_t attempts = 5;
  std::uint64_t threads = 1;
  std::uint64_t records = 1000;
  store::Keep keep{};
  bool hears_news = false;  ///< else it looks every now and then
};

/// Works until its process is told to stop.
void run_worker(store::Store& store, const WorkerOptions& options, const std::string& name);

}  // namespace poetry::sync::simulation
