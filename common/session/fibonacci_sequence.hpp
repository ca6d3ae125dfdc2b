// One process's share of a state file: numbers are drawn in a thread of its own, so that nothing
// that can block (another's lock, a slow disk, digits of a huge number) holds up who serves. All
// draws that wait are served by one transaction. Owned by a FibonacciService and shared by its
// sessions.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "session/fibonacci_state.hpp"

namespace poetry::session {

/// A process reserves so many numbers at most, since advancing the state costs an addition each,
/// while all other processes wait.
inline constexpr std::uint64_t max_lease = 10'000;

/// What a line is answered with. A session holds one as long as it waits.
struct Draw {
  FibonacciRange number;  ///< one position
  std::string text;       ///< of the number, and a newline
  std::exception_ptr failure;
  bool done = false;
  bool abandoned = false;  ///< nobody waits any more
};

/// Any thread may call any function; none of them waits. A process that is forked from one that has
/// drawn may use sessions as little as the state, and ends by _exit(2).
class FibonacciSequence {
 public:
  /// Creates the state or checks it, see prepare_fibonacci(). Reserves `lease` numbers at a time,
  /// or as many as are waited for.
  FibonacciSequence(std::string path, std::uint64_t lease);
  /// Gives back what is reserved and not drawn, unless another's lock is in the way.
  ~FibonacciSequence();

  /// Readable when draws are done that were not at once. Raises std::system_error.
  int readable();
  /// Whether draws are done since the last call; then what is readable is taken.
  bool take_news();
  /// Whether draws wait, or what is left is being given back.
  bool busy();

  /// A session begins and ends. While there is any, the lease is kept.
  void enter();
  void leave();

  /// Asks for the next number. Raises std::logic_error in a process that was forked from the one
  /// that drew before, see ~FibonacciState().
  std::shared_ptr<Draw> ask();
  /// Whether it is done. Passes on what failed.
  bool is_done(const Draw& draw);
  /// Nobody waits for this one any more, or nobody will send it: its number is free again.
  void abandon(const std::shared_ptr<Draw>& draw);

 private:
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void serve(Lock& lock);
  void fill(Lock& lock, std::size_t wanted);
  void give_back(Lock& lock, const FibonacciRange& range);
  void take_next(Draw& draw);
  void notify();
  [[nodiscard]] bool forked() const { return process_ != 0 && process_ != ::getpid(); }

  const std::string path_;
  const std::uint64_t lease_;
  base::Fd news_;  // an eventfd(2)
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::size_t sessions_ = 0;
  std::deque<std::shared_ptr<Draw>> waiting_;
  std::vector<FibonacciRange> returned_;  // drawn and not sent
  FibonacciRange rest_;                   // reserved and not drawn
  /// The last position drawn since there are sessions. No lower one is reserved, so that every
  /// client's numbers rise, whatever is given back.
  std::int64_t drawn_ = 0;
  std::int64_t reserved_ = 0;  // the last position that was ever reserved here
  bool drawing_ = false;
  bool open_ = false;                      // the state, from the first draw to the last session
  std::atomic<pid_t> process_ = 0;         // that has the thread
  std::unique_ptr<FibonacciState> state_;  // the thread's
  std::thread thread_;
};

}  // namespace poetry::session
