// What became of one task: its outcome, counts and times. Filled by a Fetch, read by reports.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"

namespace poetry {

enum class Outcome {
  pending,
  ok,
  limit,
  resolve,
  connect,
  connect_timeout,
  idle_timeout,
  timeout,
  reset,
  output,
  interrupted
};

inline constexpr std::array<std::string_view, 11> outcome_names{
    "pending",      "ok",      "limit", "resolve", "connect",    "connect-timeout",
    "idle-timeout", "timeout", "reset", "output",  "interrupted"};

constexpr std::string_view name(Outcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

/// When bytes came, for a picture: a bounded sample that is coarser the longer it gets.
class Arrivals {
 public:
  /// Enough for a wide terminal; 1 KiB a task.
  static constexpr std::size_t capacity = 128;

  Arrivals() = default;
  Arrivals(Duration blur, std::vector<TimePoint> times)
      : step_(std::max(blur, least_step)), blur_(blur), times_(std::move(times)) {}

  /// `at` must not decrease.
  void add(TimePoint at);
  void clear();
  [[nodiscard]] const std::vector<TimePoint>& times() const { return times_; }
  /// What came less than this after one of the times may have been left out.
  [[nodiscard]] Duration blur() const { return blur_; }

 private:
  static constexpr Duration least_step = std::chrono::milliseconds(1);

  Duration step_ = least_step;  // times nearer than this are one
  Duration blur_{};
  std::vector<TimePoint> times_;
};

/// Times are `never` where it did not come to that. All but `started`, `ended` and `attempts` tell
/// of the last attempt.
struct Record {
  Outcome outcome = Outcome::pending;
  std::string error;  ///< empty for ok; else begins with the server, as messages show it
  std::optional<Address> address;
  std::uint64_t attempts = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;  ///< an unfinished last line counts
  TimePoint started = never;
  TimePoint attempted = never;  ///< the attempt's start; never where the task ended between two
  TimePoint resolved = never;
  TimePoint connected = never;
  TimePoint first_byte = never;
  TimePoint ended = never;
  Duration longest_gap{};  ///< longest silence once connected
  Arrivals arrivals;
};

}  // namespace poetry
