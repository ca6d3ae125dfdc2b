// One attempt at one job: fetches what its record names, and stores it with its log, batch by
// batch, as long as the claim on the job holds. Lives in the worker's thread that took the job.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fetch/fetch.hpp"
#include "fetch/strategy.hpp"
#include "store/store.hpp"
#include "work/event_queue.hpp"
#include "work/part_text.hpp"

namespace poetry::sync::work {

/// How jobs are worked on.
struct JobOptions {
  std::string engine = "epoll";
  base::Duration lease =
      std::chrono::seconds(10);  ///< a worker that is silent for so long has lost it
  base::Duration interval = std::chrono::milliseconds(200);  ///< between two writes
  std::uint64_t attempts = 5;                                ///< of a job, before it has failed
  base::Duration retry_delay = std::chrono::seconds(1);      ///< the first; see retry_delay()
  std::uint64_t parallel = 8;                                ///< poems of a collection at once
  base::Duration follow = std::chrono::seconds(60);          ///< a weblog, at most
  std::uint64_t records = 1000;                              ///< of a weblog, at most
  fetch::FetchOptions fetch;
};

class SyncJob {
 public:
  /// Borrows the store and the options. `stopping` tells that the worker has to end.
  SyncJob(store::Store& store, const JobOptions& options, store::Store::Taken taken,
          const std::atomic<bool>& stopping);

  /// Until the job is over, waits to be tried again, or is lost to another worker. Raises
  /// DatabaseError; then the lease runs out, and somebody takes the job over.
  void run();

 private:
  using Handler = std::function<void(const FetchEvent&)>;

  void begin();
  void fetch_catalog();
  void fetch_parts();
  void fetch_weblog();
  PartText::Stored stored_of(std::int64_t part);
  void fetch(const fetch::Batch& batch, const Handler& handle);
  bool write();
  [[nodiscard]] store::Ending verdict() const;
  void log(const std::string& line);

  store::Store& store_;
  const JobOptions& options_;
  const store::Store::Taken taken_;
  const std::atomic<bool>& stopping_;
  std::vector<store::Part> parts_;
  store::Changes changes_;      // not written yet
  std::string failure_;         // of the first thing that could not be fetched
  base::TimePoint renew_at_{};  // the lease
  bool enough_ = false;         // has come; what is under way may end
  bool cancelled_ = false;
};

}  // namespace poetry::sync::work
