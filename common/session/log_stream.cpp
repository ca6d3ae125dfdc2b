#include "session/log_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"

namespace poetry::session {

bool LogStream::is_one(const std::string& path) {
  struct stat found {};
  return path == "-" || (::stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode));
}

/// A FIFO is opened for writing as well (fifo(7)), so that it does not end with each of its
/// writers.
void LogStream::start() {
  if (path_ == "-" || fifo_) return;
  fifo_ = base::Fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fifo_) base::throw_errno("open", path_);
}

/// Standard input may be anybody's as well, and so stays as it is: whether it would block is asked.
bool LogStream::look(std::size_t budget, const LogLineSink& sink) {
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

int LogStream::fd() const { return path_ == "-" ? STDIN_FILENO : fifo_.get(); }

}  // namespace poetry::session
