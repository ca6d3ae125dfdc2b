// A log that is no file but a stream: a FIFO by its name, or "-", standard input. Each line goes to
// one reader alone, and so to one process. Owned by a service and used by one thread at a time;
// opens nothing before start().
#pragma once

#include <string>

#include "base/fd.hpp"
#include "session/line_splitter.hpp"

namespace poetry::session {

class LogStream {
 public:
  /// Whether `path` is one.
  static bool is_one(const std::string& path);

  explicit LogStream(std::string path) : path_(std::move(path)) {}

  /// Raises std::system_error naming the path.
  void start();
  /// Hands on what has come, until it has read `budget` bytes or a piece more; never waits. Says
  /// whether some may be left to read. After the end of the stream it does nothing.
  bool look(std::size_t budget, const LogLineSink& sink);
  /// Readable when there is something to look at; -1 before start() and after the end.
  [[nodiscard]] int readable() const { return ended_ ? -1 : fd(); }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] int fd() const;

  std::string path_;
  base::Fd fifo_;
  LineSplitter splitter_;
  bool ended_ = false;
};

}  // namespace poetry::session
