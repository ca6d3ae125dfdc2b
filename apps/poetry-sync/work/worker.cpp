#include "work/worker.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace poetry::sync::work {
namespace {

// Without news, somebody's lease may have run out meanwhile, or a delay be over.
constexpr auto longest_wait = std::chrono::seconds(2);
// After a failure of the database, which is tried again for as long as it takes.
constexpr auto wait_after_failure = std::chrono::seconds(1);

}  // namespace

Worker::Worker(store::Store& store, const JobOptions& options, std::string name,
               std::uint64_t threads)
    : store_(store), options_(options), name_(std::move(name)) {
  for (std::uint64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Worker::~Worker() {
  stop();
  for (auto& each : threads_) each.join();
}

void Worker::wake() {
  const std::lock_guard lock(mutex_);
  ++wakes_;
  changed_.notify_all();
}

void Worker::stop() {
  stopping_ = true;
  wake();
}

void Worker::work() {
  while (!stopping_) {
    try {
      work_once();
    } catch (const std::exception& error) {
      base::log_error("{}", error.what());
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, wait_after_failure, [this] { return stopping_.load(); });
    }
  }
}

void Worker::work_once() {
  const std::uint64_t seen = wakes_;
  if (auto taken = store_.take(name_, options_.lease)) {
    work_on(store_, options_, std::move(*taken), stopping_);
    return;
  }
  base::Duration longest = longest_wait;
  if (const auto due = store_.next_due()) {
    longest = std::clamp<base::Duration>(std::chrono::milliseconds(*due),
                                         std::chrono::milliseconds(1), longest_wait);
  }
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [&] { return stopping_ || wakes_ != seen; });
}

}  // namespace poetry::sync::work
