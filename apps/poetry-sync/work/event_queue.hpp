// The thread that fetches for a job, and what its tasks have received and nobody has stored yet:
// filled by that thread, emptied by the one that writes. Bounded: who fetches waits for who writes.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "fetch/record.hpp"
#include "fetch/strategy.hpp"
#include "net/signals.hpp"

namespace poetry::sync::work {

/// What happened to a task, in the order in which it did.
struct FetchEvent {
  std::size_t task = 0;
  std::string bytes = {};                   ///< received; or
  std::optional<fetch::Record> ended = {};  ///< how it ended
};

class EventQueue final : public fetch::Observer {
 public:
  std::string received(std::size_t task, const fetch::Record& record,
                       std::string_view bytes) override;
  void retrying(std::size_t, const fetch::Record&, base::Duration) override {}  // jobs are, whole
  void ended(std::size_t task, fetch::Record& record) override;

  /// What has come, in order; waits for the first of it or the end, at most so long.
  std::vector<FetchEvent> take(base::Duration longest);
  /// No more will come.
  void finish();
  /// Whether finish() was called, and all that came before has been taken.
  bool is_finished();
  /// From now on every task is ended with what it receives next; nobody waits here any more.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<FetchEvent> events_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  bool finished_ = false;
};

/// A batch that is fetched in a thread of its own, and can be stopped. Owned by the job whose
/// servers these are.
class Fetching {
 public:
  /// Begins. Borrows all of it. Raises std::system_error.
  Fetching(const fetch::Batch& batch, const std::string& engine, EventQueue& queue)
      : queue_(queue), thread_([this, &batch, strategy = fetch::find_strategy(engine)] {
          try {
            strategy(batch, queue_, signals_);
          } catch (...) {
            failure_ = std::current_exception();
          }
          queue_.finish();
        }) {}
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  ~Fetching() { stop(); }

  /// Ends the tasks that are under way; the queue takes no more of their bytes.
  void stop() {
    queue_.close();
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
  }
  /// Raises what ended the fetching before its time; once the queue is finished.
  void check() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  EventQueue& queue_;
  net::Signals signals_{SIGUSR2};  // sent to the thread alone, as the strategies' way to be stopped
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace poetry::sync::work
