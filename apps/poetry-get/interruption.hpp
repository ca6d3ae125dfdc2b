// What SIGINT and SIGTERM do: they end the tasks, and what is written after that has no more than a
// second for each piece. Owned by a use of the tool.
#pragma once

#include <atomic>
#include <optional>

#include "base/clock.hpp"
#include "net/signals.hpp"

namespace poetry::get {

class Interruption {
 public:
  /// Until tasks_over().
  net::Signals& signals() { return *signals_; }
  /// What is still to be written may meet a reader that has stopped: from here on a signal ends the
  /// process at once; where one has come already, a second without progress() does, with status
  /// 130.
  void tasks_over(bool interrupted);
  /// Something could be written. Any thread may call it.
  void progress() const;
  /// How long poems and events that are left may take.
  [[nodiscard]] base::TimePoint last_chance() const;

 private:
  std::optional<net::Signals> signals_{std::in_place, std::initializer_list<int>{SIGINT, SIGTERM}};
  std::atomic<bool> hurries_ = false;
};

}  // namespace poetry::get
