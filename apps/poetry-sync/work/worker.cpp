#include "work/worker.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace poetry::sync::work {
namespace {

// Without news, somebody's lease may have run out meanwhile, or a delay be over.
constexpr auto longest_wait = std::chrono::seconds(2);
// After a failure of the database, which is tried again for as long as it takes.
constexpr auto wait_after_failure = std::chrono::seconds(1);
constexpr int many_steps = 3;  // more than a usual job leaves
constexpr auto pause_between_settling = std::chrono::seconds(5);
constexpr auto pause_between_same = std::chrono::minutes(1);

}  // namespace

Worker::Worker(store::Store& store, const JobOptions& options, std::string name,
               std::uint64_t threads)
    : store_(store), options_(options), name_(std::move(name)) {
  try {
    for (std::uint64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::exception& error) {
    stop();  // those that have begun
    const auto* const of_system = dynamic_cast<const std::system_error*>(&error);
    if (of_system == nullptr) throw;
    throw std::system_error(of_system->code(), "start a worker's thread");
  }
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
      continue;
    } catch (const std::exception& error) {
      tell(error.what());
    } catch (...) {
      tell("an unknown failure");
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait_after_failure, [this] { return stopping_.load(); });
  }
}

void Worker::tell(const std::string& failure) {
  const auto now = base::Clock::now();
  const std::lock_guard lock(mutex_);
  if (failure == told_ && now < tell_again_) return;
  told_ = failure;
  tell_again_ = now + pause_between_same;
  base::log_error("{}", failure);
}

/// In steps, between which others write.
void Worker::prune(store::Id record) {
  int steps = 0;
  while (!stopping_ && store_.prune(record, options_.keep)) ++steps;
  if (steps == 0) return;
  {
    const std::lock_guard lock(mutex_);
    const auto now = base::Clock::now();
    if (steps <= many_steps && now < settle_again_) return;
    settle_again_ = now + pause_between_settling;
  }
  store_.settle();
}

void Worker::work_once() {
  const std::uint64_t seen = wakes_;
  store_.request_due();
  if (auto taken = store_.take(name_, options_.lease, options_.attempts)) {
    const auto record = taken->record.id;
    work_on(store_, options_, std::move(*taken), stopping_);
    prune(record);
    return;
  }
  if (const auto removed = store_.removed_record(); removed != 0) {
    prune(removed);
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
