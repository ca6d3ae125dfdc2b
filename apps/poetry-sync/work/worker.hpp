// The sync server's threads: they take jobs that are due, and work on them. Owned by main.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/store.hpp"
#include "work/sync_job.hpp"

namespace poetry::sync::work {

class Worker {
 public:
  /// Starts so many threads. `name` is for logs, and tells workers apart. Borrows the store and the
  /// options. Raises std::system_error.
  Worker(store::Store& store, const JobOptions& options, std::string name, std::uint64_t threads);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Gives back what is under way, and waits until the threads have ended.
  ~Worker() { stop(); }

  /// There may be work: somebody has changed the store.
  void wake();
  /// Takes no more jobs, and gives back those that are under way.
  void stop();

 private:
  void work();
  void work_once();
  void prune(store::Id record);
  void tell(const std::string& failure);

  store::Store& store_;
  const JobOptions& options_;
  const std::string name_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::uint64_t> wakes_ = 0;  // goes up with the mutex held
  std::string told_;                      // the last failure, which all threads have at once
  base::TimePoint tell_again_{};
  base::TimePoint settle_again_{};
  std::vector<std::jthread> threads_;
};

}  // namespace poetry::sync::work
