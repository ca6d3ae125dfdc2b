// An event loop over a multiplexer: calls handlers when descriptors are ready and alarms when they
// are due, in one thread. Owned by an engine or a strategy for one run; borrows the multiplexer
// and the descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "reactor/multiplexer.hpp"
#include "reactor/timers.hpp"

namespace poetry {

/// A call at a time, a member of whatever waits for it. Cancel it before it is destroyed.
class Alarm : public Timer {
 public:
  using Handler = std::function<void()>;
  explicit Alarm(Handler handler) : handler_(std::move(handler)) {}

 private:
  friend class Reactor;
  Handler handler_;
};

class Reactor {
 public:
  using Handler = std::function<void(Interest ready)>;
  using Now = std::function<TimePoint()>;

  /// `now` is the clock, another one in tests.
  explicit Reactor(Multiplexer& multiplexer, Now now = Clock::now);

  /// Calls `handler` in every turn in which `fd` is ready for some of `interest`, from the next
  /// turn on; takes the place of an earlier watch of `fd`. May raise as Multiplexer::set() does.
  void watch(int fd, Interest interest, Handler handler);
  /// Ends the watch of a descriptor that is closed next. Its handler is not called again, not even
  /// in this turn, and not for another descriptor that takes the number over.
  void unwatch(int fd);

  /// Calls the alarm once, at `at` or later, in place of what it was set to.
  void call_later(Alarm& alarm, TimePoint at) { timers_.arm(alarm, at); }
  void cancel(Alarm& alarm) { timers_.cancel(alarm); }

  /// Runs turns until stop(), until there is nothing left to wait for, or that many.
  /// Passes on what handlers raise.
  void run(std::uint64_t turns = std::numeric_limits<std::uint64_t>::max());
  /// Makes run() return at the end of this turn.
  void stop() { stopped_ = true; }

  /// The time at which this turn's wait returned; handlers of one turn share it.
  [[nodiscard]] TimePoint now() const { return time_; }
  /// How often a wait has returned.
  [[nodiscard]] std::uint64_t wakeups() const { return wakeups_; }

 private:
  struct Watch {
    Handler handler;
    std::uint64_t serial = 0;  // which watch of this number it is; 0: none
    std::uint64_t turn = 0;    // in which it began
  };

  void turn();
  void dispatch(const Ready& ready);

  Multiplexer& multiplexer_;
  Now clock_;
  TimePoint time_;
  Timers timers_;
  std::vector<Watch> watches_;  // by descriptor
  std::size_t watched_ = 0;
  std::uint64_t serials_ = 0;
  std::uint64_t turns_ = 0;
  std::uint64_t wakeups_ = 0;
  bool stopped_ = false;
};

}  // namespace poetry
