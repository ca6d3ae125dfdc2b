// Bytes of many tasks that wait for their turn, in memory up to a bound and beyond it in one
// temporary file without a name. Owned by the ordered output for one run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace poetry {

class Spool {
 public:
  /// What a task may hold in memory, and all tasks together; what is more goes to the file.
  static constexpr std::size_t most_of_a_task = std::size_t{1} << 20;
  static constexpr std::size_t most_in_all = std::size_t{64} << 20;

  explicit Spool(std::size_t tasks) : tasks_(tasks) {}

  /// Raises std::system_error where the temporary file cannot be made or written.
  void append(std::size_t task, std::string_view bytes);
  /// Forgets what a task has.
  void discard(std::size_t task);
  /// Hands over what a task has, piece by piece, and forgets it. Raises std::system_error.
  void drain(std::size_t task, const std::function<void(std::string_view)>& take);
  /// Bytes held in memory.
  [[nodiscard]] std::size_t in_memory() const { return in_memory_; }

 private:
  struct Extent {
    std::int64_t offset = 0;
    std::int64_t size = 0;
  };
  struct Held {
    std::vector<Extent> extents;  // of the file, which come before the text
    std::string text;
  };

  void write_out(Held& held);
  void release(const Extent& extent);

  std::vector<Held> tasks_;
  std::size_t in_memory_ = 0;
  Fd file_;
  std::int64_t end_ = 0;  // of the file
};

}  // namespace poetry
