// A batch that is fetched in a thread of its own, and can be stopped. Owned by the job whose
// servers these are.
#pragma once

#include <pthread.h>

#include <csignal>
#include <exception>
#include <string>
#include <thread>

#include "fetch/strategy.hpp"
#include "net/signals.hpp"
#include "work/event_queue.hpp"

namespace poetry::sync::work {

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
