#include "fetch/task_queue.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/log.hpp"
#include "base/quantity.hpp"

namespace poetry::fetch {

TaskQueue::TaskQueue(const Batch& batch, Observer& observer)
    : batch_(batch),
      observer_(observer),
      waiting_(batch.servers.size()),
      max_(batch.parallel == 0 ? batch.servers.size() : batch.parallel) {
  std::iota(waiting_.begin(), waiting_.end(), std::size_t{0});
  result_.records.resize(batch.servers.size());
}

std::optional<std::size_t> TaskQueue::begin(base::TimePoint now) {
  if (waiting_.empty() || running_ >= max_) return std::nullopt;
  const auto& pace = batch_.fetch.pace;
  if (pace && turn_ == base::never) turn_ = pace->reserve(now);
  if (pace && turn_ > now) return std::nullopt;
  turn_ = base::never;
  const std::size_t task = waiting_.front();
  waiting_.pop_front();
  ++running_;
  observer_.began(task, now);
  return task;
}

void TaskQueue::finish(Fetch& fetch) {
  --running_;
  Record& record = result_.records[fetch.task()];
  record = std::move(fetch.record());
  observer_.ended(fetch.task(), record);
}

void TaskQueue::put_back(std::size_t task, std::error_code error) {
  waiting_.push_front(task);
  --running_;
  max_ = std::max<std::size_t>(running_, 1);
  if (!std::exchange(lowered_, true))
    base::log_warn("{}: {} at once from here on, or fewer", error.message(),
                   base::counted(max_, "task"));
}

void TaskQueue::interrupt() {
  turn_ = base::never;
  result_.interrupted = true;
  for (const std::size_t task : std::exchange(waiting_, {})) {
    Record& record = result_.records[task];
    record.outcome = Outcome::interrupted;
    record.error = net::to_string(batch_.servers[task]) + ": interrupted";
    observer_.ended(task, record);
  }
}

Result TaskQueue::take(std::uint64_t wakeups) {
  result_.wakeups = wakeups;
  return std::move(result_);
}

}  // namespace poetry::fetch
