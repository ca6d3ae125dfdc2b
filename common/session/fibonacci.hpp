// The fibonacci service: for each line that a client sends, the next number of one sequence (1, 2,
// 3, 5, 8 ...) that all clients of a state file share, exact at any size, and a newline. No number
// is ever sent twice, whatever ends the process. The state itself is fibonacci_state.hpp's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "session/session.hpp"

namespace poetry::session {

class FibonacciSequence;

/// A process reserves so many numbers at most, since advancing the state costs an addition each,
/// while all other processes wait.
inline constexpr std::uint64_t max_lease = 10'000;

struct FibonacciSettings {
  std::uint64_t lease = 1;  ///< numbers to reserve at a time
};

/// Steps of many sessions may run at once, and none of them waits: a thread draws, see
/// fibonacci_sequence.hpp, and its news has the sessions go on. The state file is opened by the
/// first draw and closed when the last session has ended, so that a process which forks has neither
/// as long as only its children draw.
class FibonacciService : public Service {
 public:
  /// Creates the state file, or checks it and leaves it closed. Raises what prepare_fibonacci()
  /// does. Reserves `lease` numbers at a time, 1 to max_lease, or one for each client that waits:
  /// a crash skips no more than that.
  FibonacciService(const std::string& path, std::uint64_t lease);
  ~FibonacciService() override;
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  Refresh refresh(base::TimePoint now) override;
  /// From now on a session that owes no number finishes.
  void drain() override { draining_ = true; }

 private:
  class Answers;

  std::unique_ptr<FibonacciSequence> sequence_;
  std::atomic<bool> draining_{false};
};

}  // namespace poetry::session
