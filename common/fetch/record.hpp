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
#include "base/sha256.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

enum class Outcome : std::uint8_t {
  pending,
  ok,
  limit,
  resolve,
  connect,
  connect_timeout,
  idle_timeout,
  timeout,
  reset,
  truncated,
  unexpected,
  output,
  interrupted
};

inline constexpr std::array<std::string_view, 13> outcome_names{
    "pending", "ok",    "limit",     "resolve",    "connect", "connect-timeout", "idle-timeout",
    "timeout", "reset", "truncated", "unexpected", "output",  "interrupted"};

constexpr std::string_view name(Outcome outcome) {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

/// When bytes came, for a picture: a bounded sample that is coarser the longer it gets.
class Arrivals {
 public:
  /// Enough for a wide terminal; 1 KiB a task.
  static constexpr std::size_t capacity = 128;

  Arrivals() = default;
  Arrivals(base::Duration blur, std::vector<base::TimePoint> times)
      : step_(std::max(blur, min_step)), blur_(blur), times_(std::move(times)) {}

  /// `at` must not decrease. Keeps `max` times, which are 2 at least.
  void add(base::TimePoint at, std::size_t max = capacity) {
    if (!times_.empty() && at - times_.back() < step_) {
      blur_ = step_;
      return;
    }
    times_.push_back(at);
    while (times_.size() > max) {
      blur_ = step_ *= 2;
      base::TimePoint kept = times_.front() - step_;
      std::erase_if(times_, [&](base::TimePoint each) {
        if (each - kept < step_) return true;
        kept = each;
        return false;
      });
    }
  }
  [[nodiscard]] const std::vector<base::TimePoint>& times() const { return times_; }
  /// What came less than this after one of the times may have been left out.
  [[nodiscard]] base::Duration blur() const { return blur_; }

 private:
  static constexpr base::Duration min_step = std::chrono::milliseconds(1);

  base::Duration step_ = min_step;  // times nearer than this are one
  base::Duration blur_{};
  std::vector<base::TimePoint> times_;
};

/// What a server should send, as its catalog tells; what that does not tell is not checked.
struct Expected {
  std::optional<std::uint64_t> bytes;
  std::optional<base::Digest> sha256;
};

/// Some 200 bytes, for there may be a hundred thousand of them. Times are `never` where it did not
/// come to that. All but `started`, `ended` and `attempts` tell of the last attempt.
struct Record {
  Outcome outcome = Outcome::pending;
  std::optional<base::Digest> sha256;  ///< of the bytes, where it was asked for
  std::optional<net::Address> address;
  std::string error;  ///< empty for ok; else begins with the server, as messages show it
  std::uint64_t attempts = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;  ///< an unfinished last line counts
  std::uint64_t sent = 0;   ///< bytes that the system has taken
  base::TimePoint started = base::never;
  base::TimePoint attempted = base::never;  ///< never, too, where it ended between two attempts
  base::TimePoint resolved = base::never;
  base::TimePoint connected = base::never;
  base::TimePoint first_byte = base::never;
  base::TimePoint ended = base::never;
  base::Duration longest_gap{};  ///< longest silence once connected
  Arrivals arrivals;

  /// Whether it was begun and is over.
  [[nodiscard]] bool ran() const { return started != base::never && ended != base::never; }
  /// From its start to its end; zero where it did not run.
  [[nodiscard]] base::Duration duration() const {
    return ran() ? ended - started : base::Duration::zero();
  }
};

}  // namespace poetry::fetch
