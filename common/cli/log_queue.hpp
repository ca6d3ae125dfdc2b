// Where a log's lines wait until they are written, by a thread of its own and by one write(2) each,
// so that a reader who stands still (a pipe, a terminal) holds up nobody. Bounded: what finds no
// room is counted, and told once there is some. Owned by the process's logger.
#pragma once

#include <spdlog/sinks/sink.h>

#include <atomic>
#include <memory>

#include "base/fd.hpp"
#include "base/terminal.hpp"

namespace poetry::cli {

/// In any thread, and in processes that are forked from the one that made it: each has a queue.
class LogQueue final : public spdlog::sinks::sink {
 public:
  /// `file` may be non-blocking. It is never closed.
  LogQueue(base::Fd file, base::Colours colours);
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;
  ~LogQueue() override;

  void log(const spdlog::details::log_msg& message) override;
  /// Waits until all is written, but no longer than 300 ms.
  void flush() override;
  void set_pattern(const std::string& pattern) override;
  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override;

 private:
  struct Lines;
  Lines& lines();

  // Not destroyed where it has been used: its thread may be in a write that does not end, and in a
  // forked process nobody can say what state it is in.
  std::atomic<Lines*> lines_;
};

}  // namespace poetry::cli
