// Bytes of many tasks that wait for their turn, in memory up to a bound and beyond it in one
// temporary file without a name: one descriptor, and for each task that waits little memory,
// however much it has. Owned by the ordered output for one run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/fd.hpp"

namespace poetry::get::output {

/// Where the file lies: $TMPDIR, else /tmp.
std::string spool_directory();

class Spool {
 public:
  /// What a task may hold in memory, and all tasks together; what is more goes to the file.
  static constexpr std::size_t max_of_a_task = std::size_t{1} << 20;
  static constexpr std::size_t max_in_all = std::size_t{16} << 20;

  /// Raises std::system_error, and takes nothing, where the temporary file is needed and cannot be
  /// made or written.
  void append(std::size_t task, std::string_view bytes);
  /// Forgets what a task has.
  void discard(std::size_t task);
  /// The next bytes of what a task has, up to 1 MiB, which it no longer has then; empty where it
  /// has none. Raises std::system_error.
  std::string take(std::size_t task);
  /// Bytes that a task has.
  [[nodiscard]] std::uint64_t size_of(std::size_t task) const;
  /// Bytes held in memory; their strings may have room for twice as many.
  [[nodiscard]] std::size_t in_memory() const { return in_memory_; }
  /// Bytes taken up in the file.
  [[nodiscard]] std::int64_t in_file() const { return in_file_; }

 private:
  static constexpr std::int64_t none = -1;

  // A task's parts in the file are a chain; each begins with this.
  struct Head {
    std::int64_t next = none;  // where the next part stands
    std::int64_t size = 0;     // of the text that follows
  };
  struct Held {
    std::int64_t first = none;  // part in the file; the text comes after the last
    std::int64_t last = none;
    std::int64_t taken = 0;  // of the first part
    std::uint64_t size = 0;  // of all that is left
    std::string text;
  };

  void write_out(Held& held);
  void write_at(std::int64_t at, std::string_view bytes);
  void read_at(std::int64_t at, std::span<char> bytes);
  Head head_at(std::int64_t at);
  void release_first(Held& held, const Head& head);

  std::unordered_map<std::size_t, Held> tasks_;  // those that hold something
  std::size_t in_memory_ = 0;
  base::Fd file_;
  std::string directory_;     // of the file
  std::int64_t end_ = 0;      // of the file
  std::int64_t in_file_ = 0;  // of all parts, their heads included
};

}  // namespace poetry::get::output
