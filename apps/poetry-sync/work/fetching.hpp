// A batch of fetches in a thread of its own, which can be stopped. Owned by who reads its queue.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "fetch/strategy.hpp"
#include "net/signals.hpp"
#include "work/event_queue.hpp"

namespace poetry::sync::work {

class Fetching {
 public:
  /// Begins. Borrows the batch and the queue. Raises std::system_error.
  Fetching(const poetry::fetch::Batch& batch, const std::string& engine, EventQueue& queue);
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  /// Stops it, and waits until it has ended.
  ~Fetching();

  /// Ends the tasks that are under way; the queue takes no more of their bytes.
  void stop();
  /// Raises what ended the fetching before its time; once the queue is finished.
  void check();

 private:
  EventQueue& queue_;
  net::Signals signals_{SIGUSR2};  // sent to the thread alone, as the strategies' way to be stopped
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace poetry::sync::work
