// Which numbers of a Fibonacci sequence nobody has reserved yet: an SQLite file that any number of
// processes share. It holds ranges of positions, at first the one endless range from position 1,
// each with its first two numbers, so that going on takes additions only. Owned by who draws.
//
//   free(first, count, a, b)   positions first, first + 1, ...: count of them, NULL is no end;
//                              a and b are the numbers at first and first + 1, big-endian bytes
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"

namespace SQLite {  // NOLINT(readability-identifier-naming): it is the library's
class Database;
}

namespace poetry::session {

/// Neighbouring positions of the sequence 1, 2, 3, 5, 8 ... of which the first is position 1.
struct FibonacciRange {
  using Number = boost::multiprecision::cpp_int;

  std::int64_t first = 1;
  std::uint64_t count = 0;
  Number number = 1;     ///< at `first`
  Number following = 2;  ///< at `first` + 1

  /// Removes the first position, of at least one, and returns its number.
  Number take();
};

/// Makes a state file where `path` names none or an empty one; two processes may do so at once.
/// Otherwise checks that it is one, sound, and can be written. Raises std::system_error or
/// std::runtime_error naming the path, and leaves a file that it refuses as it was.
void prepare_fibonacci(const std::string& path);

/// A connection to a state file, for one thread at a time of the process that opened it.
class FibonacciState {
 public:
  /// Opens a file that prepare_fibonacci() took. Raises std::runtime_error naming the path. Others'
  /// locks are waited for, up to ten seconds for each operation, until `stopping` is set, which
  /// outlives this.
  FibonacciState(const std::string& path, const std::atomic<bool>& stopping);
  /// Closes the connection, but in a process that was forked from the one that opened it. That may
  /// neither use it nor close it nor open another one: SQLite would believe that it holds the locks
  /// of its parent, which it does not, and a file that it uses could be changed under its hands
  /// (sqlite.org/howtocorrupt.html, section 2.6).
  ~FibonacciState();

  /// Reserves up to `max` numbers at the lowest free positions beyond `after`. It is on the disk
  /// when this returns; what this raises may leave them reserved for nobody, but free for nobody
  /// else. Raises std::runtime_error naming the path: the disk is full, others hold the lock, the
  /// file was removed or replaced, or it knows nothing of `reserved`, a position that was reserved
  /// before, as a copy that was put back does.
  FibonacciRange reserve(std::uint64_t max, std::int64_t after, std::int64_t reserved);
  /// Frees what is left of a reserved range. Raises as reserve() does.
  void give_back(const FibonacciRange& rest);

 private:
  static int wait_for_lock(void* self, int times);
  void begin();

  std::string path_;
  const std::atomic<bool>& stopping_;
  base::TimePoint give_up_at_;
  std::pair<dev_t, ino_t> file_;
  std::unique_ptr<SQLite::Database> database_;
  pid_t process_;
};

}  // namespace poetry::session
