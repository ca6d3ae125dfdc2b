// Deadlines in order: an indexed binary heap of timers that live inside their owners. Arming,
// moving and cancelling take O(log n) and allocate nothing beyond the heap's own growth. Owned by
// a loop; reads no clock. A Timer must be unarmed or its Timers gone when it is destroyed.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/clock.hpp"

namespace poetry {

/// One deadline, a member of whatever waits for it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { assert(!armed()); }

  /// When it is due, or was when last armed.
  [[nodiscard]] TimePoint at() const { return at_; }
  [[nodiscard]] bool armed() const { return slot_ != unarmed; }

 private:
  friend class Timers;
  static constexpr std::size_t unarmed = std::numeric_limits<std::size_t>::max();

  TimePoint at_ = never;
  std::size_t slot_ = unarmed;  // where it stands in the heap
};

class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers();

  /// Sets the timer to go off at `at`, in place of what it was set to. Of timers due at the same
  /// time, the one armed first comes first. May raise std::bad_alloc, and then changes nothing.
  void arm(Timer& timer, TimePoint at);
  /// Unsets the timer; does nothing where it is not armed.
  void cancel(Timer& timer);
  /// The earliest deadline, `never` where nothing is armed.
  [[nodiscard]] TimePoint next() const { return heap_.empty() ? never : heap_.front().at; }
  /// Unsets and returns the earliest timer due at or before `now`, nullptr where there is none.
  Timer* take_due(TimePoint now);
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    TimePoint at;
    std::uint64_t order;  // of arming, which breaks ties
    Timer* timer;
  };

  static bool before(const Entry& one, const Entry& other) {
    return one.at != other.at ? one.at < other.at : one.order < other.order;
  }
  void place(std::size_t slot, const Entry& entry);
  void rise(std::size_t slot, const Entry& entry);
  void sink(std::size_t slot, const Entry& entry);

  std::vector<Entry> heap_;
  std::uint64_t armings_ = 0;
};

}  // namespace poetry
