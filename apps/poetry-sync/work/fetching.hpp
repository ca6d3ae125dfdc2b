// A batch of fetches in a thread of its own, which can be stopped. Owned by who reads its inbox.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "fetch/strategy.hpp"
#include "net/signals.hpp"
#include "work/inbox.hpp"

namespace poetry::sync::work {

class Fetching {
 public:
  /// Begins. Borrows the batch and the inbox. Raises std::system_error.
  Fetching(const poetry::fetch::Batch& batch, const std::string& engine, Inbox& inbox);
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  /// Stops it, and waits until it has ended.
  ~Fetching();

  /// Ends the tasks that are under way; the inbox takes no more of their bytes.
  void stop();
  /// Raises what ended the fetching before its time; once the inbox is finished.
  void check();

 private:
  Inbox& inbox_;
  net::Signals signals_{SIGUSR2};  // sent to the thread alone, as the strategies' way to be stopped
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace poetry::sync::work
