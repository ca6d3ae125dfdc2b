#include "work/event_queue.hpp"

#include <utility>

namespace poetry::sync::work {
namespace {

constexpr std::size_t max_bytes = std::size_t{4} << 20;  // more than a transaction should hold
constexpr std::size_t max_events = 10'000;

}  // namespace

std::string EventQueue::received(std::size_t task, const fetch::Record& /*record*/,
                                 std::string_view bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [this] { return closed_ || (bytes_ < max_bytes && events_.size() < max_events); });
  if (closed_) return "the job is over";
  bytes_ += bytes.size();
  // Of one task in one piece, as long as nothing came between.
  if (events_.empty() || events_.back().ended || events_.back().task != task)
    events_.push_back({.task = task});
  events_.back().bytes += bytes;
  changed_.notify_all();
  return {};
}

void EventQueue::ended(std::size_t task, fetch::Record& record) {
  const std::lock_guard lock(mutex_);
  events_.push_back({.task = task, .ended = record});
  changed_.notify_all();
}

std::vector<FetchEvent> EventQueue::take(base::Duration longest) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, longest, [this] { return finished_ || !events_.empty(); });
  bytes_ = 0;
  auto taken = std::exchange(events_, {});
  changed_.notify_all();
  return taken;
}

void EventQueue::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

bool EventQueue::is_finished() {
  const std::lock_guard lock(mutex_);
  return finished_ && events_.empty();
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace poetry::sync::work
