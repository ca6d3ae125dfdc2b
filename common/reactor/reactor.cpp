#include "reactor/reactor.hpp"

#include <algorithm>

namespace poetry {

Reactor::Reactor(Multiplexer& multiplexer, Now now)
    : multiplexer_(multiplexer), clock_(std::move(now)), time_(clock_()) {}

void Reactor::watch(int fd, Interest interest, Handler handler) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(std::max(index + 1, 2 * watches_.size()));
  multiplexer_.set(fd, interest);
  Watch& watch = watches_[index];
  if (watch.serial == 0) ++watched_;
  watch = {std::move(handler), ++serials_, turns_};
}

void Reactor::unwatch(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size() || watches_[index].serial == 0) return;
  multiplexer_.forget(fd);
  watches_[index] = {};
  --watched_;
}

void Reactor::run(std::uint64_t turns) {
  stopped_ = false;
  for (; turns > 0 && !stopped_; --turns) {
    if (watched_ == 0 && timers_.size() == 0) return;
    turn();
  }
}

void Reactor::turn() {
  const TimePoint due = timers_.next();
  const TimePoint before = clock_();
  const Duration timeout = due == never ? forever : due <= before ? Duration::zero() : due - before;
  const auto ready = multiplexer_.wait(timeout);
  ++wakeups_;
  ++turns_;
  time_ = clock_();
  // Descriptors first: what arrived before a deadline counts, even if this turn came late.
  // Handlers may change the multiplexer's interests, which leaves its list as it is.
  for (const Ready& each : ready) dispatch(each);
  // No more alarms than there are now, so that one which sets itself again ends no turn late.
  for (std::size_t left = timers_.size(); left > 0; --left) {
    Timer* const timer = timers_.take_due(time_);
    if (timer == nullptr) break;
    static_cast<Alarm*>(timer)->handler_();
  }
}

void Reactor::dispatch(const Ready& ready) {
  const auto index = static_cast<std::size_t>(ready.fd);
  if (index >= watches_.size()) return;
  const std::uint64_t serial = watches_[index].serial;
  // A watch that began after this turn's wait is not what the wait was about.
  if (serial == 0 || watches_[index].turn == turns_) return;
  // The handler may end its own watch, or grow the table, while it runs.
  Handler handler = std::move(watches_[index].handler);
  handler(ready.what);
  if (watches_[index].serial == serial) watches_[index].handler = std::move(handler);
}

}  // namespace poetry
