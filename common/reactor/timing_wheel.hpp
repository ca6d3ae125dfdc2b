// Timers in the order of their times: a hierarchical timing wheel (Varghese and Lauck, "Hashed and
// Hierarchical Timing Wheels", SOSP 1987, scheme 7) of timers that live inside their owners.
// Arming, moving and cancelling take O(1) and allocate nothing. Owned by a loop; reads no clock.
//
// Time goes by in ticks, counted from the clock's epoch. A timer goes off at the first tick that is
// not before its time: never early, late by less than a tick.
#pragma once

#include <array>
#include <boost/core/noncopyable.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace poetry::reactor {

/// A time, a part of whatever waits for it. It is over when this or the wheel is destroyed.
class Timer : boost::noncopyable {
 public:
  /// When it is due, or was when last armed.
  [[nodiscard]] base::TimePoint at() const { return at_; }
  [[nodiscard]] bool armed() const { return hook_.is_linked(); }

 private:
  friend class TimingWheel;
  using Hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  base::TimePoint at_ = base::never;
  Hook hook_;
};

class TimingWheel {
 public:
  /// `tick` is more than 0.
  explicit TimingWheel(base::Duration tick) : tick_(tick) {}

  /// Sets the timer to `at`, in place of what it was set to. One that is in the past already is
  /// due with the next expire(), whatever the tick.
  void arm(Timer& timer, base::TimePoint at);
  /// Unsets the timer; does nothing where it is not armed.
  void cancel(Timer& timer);

  /// When to call expire() next: at the tick of the earliest timer or before, TimePoint::min()
  /// where some are due now, `never` where nothing is armed. Of a far timer it is a time on the
  /// way, at which the wheel turns; on the way from now there are at most ten of these.
  [[nodiscard]] base::TimePoint next() const;
  /// Makes due what falls into the ticks until `now`.
  void expire(base::TimePoint now);
  /// Unsets and returns the earliest of those that are due, of equal ones the one armed first;
  /// nullptr where there is none. What is armed in between waits for the next expire().
  Timer* take();

 private:
  using Tick = std::uint64_t;
  using List =
      boost::intrusive::list<Timer,
                             boost::intrusive::member_hook<Timer, Timer::Hook, &Timer::hook_>,
                             boost::intrusive::constant_time_size<false>>;
  // A level shows one digit of the tick that a timer is met at, in base 64; all ticks have
  // levels enough, so that no timer is too far.
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned slots = 1U << digit_bits;
  static constexpr unsigned levels = (64 + digit_bits - 1) / digit_bits;
  struct Level {
    std::uint64_t occupied = 0;  // a bit a slot
    std::array<List, slots> lists;
  };
  struct Place {
    unsigned level;
    unsigned slot;
  };

  [[nodiscard]] Tick tick_of(const Timer& timer) const;
  [[nodiscard]] Place place_of(Tick tick) const;
  [[nodiscard]] std::optional<Place> earliest() const;
  [[nodiscard]] Tick first_tick(const Place& place) const;
  void put(Timer& timer);
  void open(const Place& place);

  base::Duration tick_;
  Tick now_ = 0;  // until which all have become due
  // Each timer stands on the level of the highest digit in which its tick differs from now_,
  // in the slot of that digit.
  std::array<Level, levels> wheel_;
  List overdue_;  // armed for a time that was over, in the order of arming
  List due_;
};

}  // namespace poetry::reactor
