// The one loop of engines and strategies, in one thread: it waits in a multiplexer, and wakes
// whoever waits for a descriptor that is ready or for a time that has come. Owned by an engine or a
// strategy for one run; borrows the multiplexer, the descriptors and the waiters.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "reactor/multiplexer.hpp"
#include "reactor/timing_wheel.hpp"

namespace poetry::reactor {

/// Whatever waits for a descriptor, a time, or both; a base of it. End its watches before it is
/// destroyed; its time is over then, and where the loop goes first.
class Waiter : public Timer {
 public:
  virtual ~Waiter() = default;
  /// Its descriptor is ready for `what`, or has failed; none: its time has come. It may end by
  /// destroying itself.
  virtual void wake(Interest what) = 0;
};

/// Calls a function each time it is woken.
class Callback final : public Waiter {
 public:
  explicit Callback(std::function<void()> function) : function_(std::move(function)) {}
  void wake(Interest /*what*/) override { function_(); }
  /// Which function that is.
  [[nodiscard]] const std::type_info& target() const { return function_.target_type(); }

 private:
  std::function<void()> function_;
};

class EventLoop {
 public:
  using Now = std::function<base::TimePoint()>;

  /// Times that fall into one `tick`, which is more than 0, are met together. `now` is the clock,
  /// another one in tests.
  explicit EventLoop(Multiplexer& multiplexer, base::Duration tick, Now now = base::Clock::now);

  /// Wakes the waiter in every turn in which `fd` is ready for some of `interest`, or fails, from
  /// the next turn on; none ends that, and must come before `fd` is closed. May raise as
  /// Multiplexer::set() does.
  void watch(int fd, Interest interest, Waiter& waiter);
  /// Ends the watch of a descriptor that is closed next. Its waiter is not woken again, not even in
  /// this turn, nor is one that watches another descriptor of the same number by then.
  void forget(int fd);

  /// Wakes the waiter once at the first tick from `at` on, in place of what was asked before;
  /// `never` is not at all.
  void wake_at(Waiter& waiter, base::TimePoint at);
  /// Wakes the waiter once in the next turn, whatever the tick.
  void wake_next(Waiter& waiter) { wake_at(waiter, base::TimePoint::min()); }

  /// Waits once, and wakes whoever is to be woken. Passes on what waiters raise.
  void turn();

  /// When the last wait returned, or the loop was made.
  [[nodiscard]] base::TimePoint now() const { return time_; }
  /// How often a wait has returned.
  [[nodiscard]] std::uint64_t wakeups() const { return turns_; }

 private:
  struct Watch {
    Waiter* waiter = nullptr;
    std::uint64_t since = 0;  // the turn in which it began, whose wait was not about it
  };

  Multiplexer& multiplexer_;
  Now clock_;
  base::TimePoint time_;
  std::deque<Watch> watches_;  // by descriptor
  std::uint64_t turns_ = 0;
  TimingWheel timers_;
};

}  // namespace poetry::reactor
