// A log that is no file but a stream: a FIFO by its name, or "-", standard input. Each line goes to
// one reader alone, and so to one process. Owned by a service and used by one thread at a time;
// opens nothing before start().
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "session/line_splitter.hpp"

namespace poetry::session {

class LogStream {
 public:
  /// Whether `path` is one.
  static bool is_one(const std::string& path) {
    struct stat found {};
    return path == "-" || (::stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode));
  }

  explicit LogStream(std::string path) : path_(std::move(path)) {}

  /// Raises std::system_error naming the path. A FIFO is opened for writing as well (fifo(7)), so
  /// that it does not end with each of its writers.
  void start() {
    if (path_ == "-" || fifo_) return;
    fifo_ = base::Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fifo_) base::throw_errno("open", path_);
  }
  /// Hands on what has come, until it has read `budget` bytes or a piece more; never waits. Says
  /// whether some may be left to read. After the end of the stream it does nothing. Standard input
  /// may be anybody's as well, and so stays as it is: whether it would block is asked.
  bool look(std::size_t budget, const LogLineSink& sink) {
    std::array<char, std::size_t{16} << 10> buffer;  // not cleared
    while (!ended_ && fd() >= 0) {
      pollfd readable{fd(), POLLIN, 0};
      if (::poll(&readable, 1, 0) <= 0) return false;
      const auto size = ::read(fd(), buffer.data(), buffer.size());
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
      ended_ = size <= 0;
      if (ended_) {
        splitter_.finish(sink);
        return false;
      }
      const auto count = static_cast<std::size_t>(size);
      splitter_.split({buffer.data(), count}, sink);
      if (count >= budget) return true;
      budget -= count;
    }
    return false;
  }
  /// Readable when there is something to look at; -1 before start() and after the end.
  [[nodiscard]] int readable() const { return ended_ ? -1 : fd(); }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] int fd() const { return path_ == "-" ? STDIN_FILENO : fifo_.get(); }

  std::string path_;
  base::Fd fifo_;
  LineSplitter splitter_;
  bool ended_ = false;
};

}  // namespace poetry::session
