// How each task of a batch is fetched: limits, retries, what is sent, and where an answer ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/end_mark.hpp"
#include "fetch/pace.hpp"
#include "fetch/record.hpp"

namespace poetry::fetch {

enum class AfterSend { hold, half_close };
enum class Digests { no, yes };

inline constexpr base::Duration room_asked_every = std::chrono::milliseconds(20);

/// Whether a whole answer is the one that was wanted, by what it says. All tasks share it, in any
/// thread.
struct AnswerCheck {
  std::size_t max_bytes;  ///< how much of an answer's beginning it looks at
  /// Why an answer that begins so is not the one that was wanted; empty where it is.
  std::function<std::string(std::string_view answer)> mismatch;
};

/// A regular expression matches somewhere in the answer's first MiB: in Perl's syntax, as
/// Boost.Regex has it; a point matches no line's end. Where that takes too many steps to tell, it
/// does not. Raises UsageError naming the pattern and what is wrong with it.
std::shared_ptr<const AnswerCheck> match_pattern(const std::string& pattern);

/// Limits of 0 are none.
struct FetchOptions {
  base::Duration connect_timeout = std::chrono::seconds(10);  ///< of an attempt, with its name
  base::Duration idle_timeout = std::chrono::seconds(60);
  base::Duration timeout{};  ///< for the task in all
  std::uint64_t retries = 0;
  base::Duration retry_delay = std::chrono::seconds(1);  ///< of the first; see retry_delay()
  Backoff backoff = Backoff::exponential;
  std::uint64_t seed = 0;      ///< of all tasks' retry delays
  std::shared_ptr<Pace> pace;  ///< of the attempts of all tasks; null: as soon as they can
  std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max();  ///< more than 0
  base::EndMarks until;         ///< what makes the stream whole, besides its end
  base::Duration until_idle{};  ///< so does a silence after its first byte; 0 is no such end
  std::shared_ptr<const AnswerCheck> check;  ///< else the answer is Outcome::unexpected
  /// Whether what the task receives has a place to go; while it has none, nothing is received, and
  /// this is asked again every room_asked_every. Empty: it always has. Called by any thread.
  std::function<bool(std::size_t task)> has_room;
  std::optional<std::string> send;
  AfterSend after_send = AfterSend::hold;
  Digests digests = Digests::no;                  ///< whether a record tells the bytes' SHA-256
  std::size_t max_arrivals = Arrivals::capacity;  ///< when they came, for a picture; 0 is none

  /// Whether an answer may be whole before the server ends it, or the server is told to end it.
  [[nodiscard]] bool has_an_end() const {
    return after_send == AfterSend::half_close || until_idle > base::Duration::zero() ||
           until != base::EndMarks{};
  }
};

}  // namespace poetry::fetch
