// The one owner of a file descriptor: `Fd` by value transfers it, `int fd` borrows it.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace poetry::base {

class Fd {
 public:
  Fd() = default;
  /// Takes over `fd`; -1 is none.
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  /// Gives the descriptor up, to be closed by the caller.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  /// Closes what it holds. Linux frees the descriptor even where close(2) reports an error.
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  /// The same; false where what was written is lost, which NFS and quotas tell only now, in errno.
  [[nodiscard]] bool close() { return ::close(release()) == 0; }

 private:
  int fd_ = -1;
};

/// Takes over what a system call has opened. Raises std::system_error for errno where that is -1.
inline Fd opened(int fd, std::string_view attempt, std::string_view target) {
  if (fd < 0) throw_errno(attempt, target);
  return Fd(fd);
}

/// An eventfd(2), readable once it was written to. Raises std::system_error.
inline Fd make_eventfd() {
  return opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make", "an eventfd");
}

/// Calls write(2) until all bytes are written, waiting where the descriptor is non-blocking; or
/// says why it goes no further.
inline std::error_code write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return {errno, std::generic_category()};
    }
  }
  return {};
}

}  // namespace poetry::base
