#include "reactor/event_loop.hpp"

#ifdef POETRY_TURN_WATCH
#include POETRY_TURN_WATCH
#endif

namespace poetry::reactor {

EventLoop::EventLoop(Multiplexer& multiplexer, base::Duration tick, Now now)
    : multiplexer_(multiplexer), clock_(std::move(now)), time_(clock_()), timers_(tick) {
  timers_.expire(time_);
}

void EventLoop::watch(int fd, Interest interest, Waiter& waiter) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  multiplexer_.set(fd, interest);
  auto& watch = watches_[index];
  if (interest == Interest::none) {
    watch.waiter = nullptr;
  } else if (watch.waiter != &waiter) {
    watch = {&waiter, turns_};
  }
}

void EventLoop::forget(int fd) {
  multiplexer_.forget(fd);
  watches_[static_cast<std::size_t>(fd)].waiter = nullptr;
}

void EventLoop::wake_at(Waiter& waiter, base::TimePoint at) {
  if (at == base::never) {
    timers_.cancel(waiter);
  } else {
    timers_.arm(waiter, at);
  }
}

void EventLoop::turn() {
  const auto wake = [](Waiter& waiter, Interest what) {
#ifdef POETRY_TURN_WATCH
    const auto* const callback = dynamic_cast<const Callback*>(&waiter);
    const TurnWatch watch(callback != nullptr ? callback->target() : typeid(waiter));
#endif
    waiter.wake(what);
  };
  const auto due = timers_.next();
  const auto before = clock_();
  const auto timeout = due == base::never ? forever
                       : due <= before    ? base::Duration::zero()
                                          : due - before;
  const auto ready = multiplexer_.wait(timeout);
  ++turns_;
  time_ = clock_();
  // Descriptors first, and no times behind that of the wait: what arrived before a deadline counts,
  // even if this turn comes late or takes long.
  multiplexer_.hand_over();
  for (const auto& each : ready) {
    const auto watch = watches_[static_cast<std::size_t>(each.fd)];
    if (watch.waiter != nullptr && watch.since != turns_) wake(*watch.waiter, each.what);
  }
  timers_.expire(time_);
  while (auto* const timer = timers_.take()) wake(static_cast<Waiter&>(*timer), Interest::none);
}

}  // namespace poetry::reactor
