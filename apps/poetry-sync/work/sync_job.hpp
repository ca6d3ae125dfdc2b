// One attempt at one job: fetches what its record names, and stores it with its log, batch by
// batch, as long as the claim on the job holds. Lives in the worker's thread that took the job.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "fetch/fetch_options.hpp"
#include "store/store.hpp"

namespace poetry::sync::work {

/// How jobs are worked on.
struct JobOptions {
  std::string engine = "epoll";
  base::Duration lease = std::chrono::seconds(10);  ///< a worker silent for so long has lost it
  base::Duration interval = std::chrono::milliseconds(200);  ///< between two writes
  std::uint64_t attempts = 5;                                ///< of a job, before it has failed
  base::Duration retry_delay = std::chrono::seconds(1);      ///< the first; see retry_delay()
  std::uint64_t parallel = 8;                                ///< poems of a collection at once
  base::Duration follow = std::chrono::seconds(60);          ///< a weblog, at most
  std::uint64_t records = 1000;                              ///< of a weblog, at most
  std::uint64_t max_bytes = std::uint64_t{1} << 30;          ///< of a record's texts in all
  std::uint64_t shrink_guard = 50;  ///< a text that has lost more than so many percent is not taken
  store::Keep keep;
  fetch::FetchOptions fetch;
};

/// Works on a job until it is over, waits to be tried again, or is lost to another worker.
/// `stopping` tells that the worker has to end. What fails is the job's error, and counts as an
/// attempt. Raises DatabaseError where the database stays away for longer than the lease, which
/// then runs out, and somebody takes the job over.
void work_on(store::Store& store, const JobOptions& options, store::Store::Taken taken,
             const std::atomic<bool>& stopping);

}  // namespace poetry::sync::work
