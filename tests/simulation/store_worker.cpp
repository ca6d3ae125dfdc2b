// The worker's own sources, compiled a second time: std is simulated_std, the clock the world's, a
// thread's signal a note in its fiber, and the strategy simulated_strategy(). The macros stand
// behind every header that must not see them, and the namespace has another name than the real
// one's, with which this is linked.
#include "simulation/store_worker.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <csignal>
#include <exception>
#include <map>
#include <optional>
#include <set>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/shown_text.hpp"
#include "fetch/fetch_options.hpp"
#include "fetch/pace.hpp"
#include "fetch/strategy.hpp"
#include "net/signals.hpp"
#include "poetry-sync/work/catalog_parts.hpp"
#include "poetry-sync/work/hosts.hpp"
#include "poetry-sync/work/part_text.hpp"
#include "simulation/store_server.hpp"
#include "simulation/store_threads.hpp"

namespace poetry::base {
struct SimulatedClock {
  static TimePoint now() { return sync::simulation::World::here().now(); }
};
}  // namespace poetry::base

namespace poetry::net {
struct SimulatedSignals {
  SimulatedSignals(std::initializer_list<int>) {}
};
}  // namespace poetry::net

namespace poetry::fetch {
inline auto simulated_strategy(std::string_view) {
  return [](const Batch& batch, Observer& observer, net::SimulatedSignals&) {
    sync::simulation::fetch_simulated(batch, observer);
  };
}
}  // namespace poetry::fetch

static void simulated_kill(poetry::sync::simulation::Fiber* fiber, int) {
  fiber->signalled = true;
  if (!fiber->ended) poetry::sync::simulation::World::here().wake(*fiber);
}

namespace poetry::sync::simulated_work {
using namespace work;
}

#define std simulated_std
#define Clock SimulatedClock
#define Signals SimulatedSignals
#define find_strategy simulated_strategy
#define pthread_kill simulated_kill
#define work simulated_work
#include "poetry-sync/work/event_queue.cpp"
#include "poetry-sync/work/job_writer.cpp"
#include "poetry-sync/work/sync_job.cpp"
#include "poetry-sync/work/worker.cpp"
#undef std
#undef Clock
#undef Signals
#undef find_strategy
#undef pthread_kill
#undef work

namespace poetry::sync::simulation {

void run_worker(store::Store& store, const WorkerOptions& options, const std::string& name) {
  simulated_work::JobOptions job;
  job.lease = options.lease;
  job.interval = options.interval;
  job.retry_delay = options.retry_delay;
  job.follow = options.follow;
  job.attempts = options.attempts;
  job.records = options.records;
  job.keep = options.keep;
  auto& world = World::here();
  simulated_work::Worker worker(store, job, name, options.threads);
  while (!world.current().process.told_to_stop) {
    if (!options.hears_news) {
      world.wait(base::never);
    } else if (store.wait_for_news(250ms)) {
      worker.wake();
    }
  }
}

}  // namespace poetry::sync::simulation
