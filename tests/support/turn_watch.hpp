// Ends the program where an event loop's waiter takes longer than its turn may, and names it: who
// waits there keeps all others waiting, which no test of its own sees. Part of the preset "watch",
// see common/reactor/event_loop.cpp. Lives for one wake.
#pragma once

#include <boost/core/demangle.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <typeinfo>

#include "reactor/event_loop.hpp"

namespace poetry::reactor {

class TurnWatch {
 public:
  static constexpr auto longest = std::chrono::milliseconds(50);

  explicit TurnWatch(const Waiter& waiter) : name_(name_of(waiter)) {}
  TurnWatch(const TurnWatch&) = delete;
  TurnWatch& operator=(const TurnWatch&) = delete;
  ~TurnWatch() {
    if (base::Clock::now() - begun_ <= longest) return;
    // Time in which others had the processor is not its own (proc(5), schedstat).
    const auto taken = base::Clock::now() - begun_ - (delayed() - delayed_);
    if (taken <= longest) return;
    std::cerr << "a turn took "
              << std::chrono::duration_cast<std::chrono::milliseconds>(taken).count() << " ms in "
              << name_ << std::endl;
    std::abort();
  }

 private:
  static std::string name_of(const Waiter& waiter) {
    const auto* const callback = dynamic_cast<const Callback*>(&waiter);
    const auto& type = callback != nullptr ? callback->target() : typeid(waiter);
    return boost::core::demangle(type.name());
  }
  /// How long this thread was ready and not run, in all.
  static base::Duration delayed() {
    std::ifstream told("/proc/thread-self/schedstat");
    base::Duration::rep run = 0;
    base::Duration::rep delay = 0;
    told >> run >> delay;
    return base::Duration(delay);
  }

  std::string name_;  // made before: the waiter may be gone
  base::Duration delayed_ = delayed();
  base::TimePoint begun_ = base::Clock::now();
};

}  // namespace poetry::reactor
