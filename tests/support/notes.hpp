// What a test's services note down, from whatever thread or process steps them, for the test to
// read: a pipe, in which a line of at most PIPE_BUF bytes is written whole (pipe(7)). Owned by the
// test; it outlives the engine.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::support {

class Notes {
 public:
  Notes() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) base::throw_errno("make", "a pipe");
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
  }

  /// `note` has no newline. The test has to read before the pipe is full (64 KiB).
  void add(const std::string& note) const {
    const auto line = note + "\n";
    EXPECT_EQ(::write(write_end_.get(), line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
  }

  /// All notes so far, in order; waits until there are at least `least`, or fails.
  const std::vector<std::string>& read(std::size_t min = 0) {
    for (;;) {
      take();
      if (all_.size() >= min) return all_;
      pollfd asked{fd(), POLLIN, 0};
      if (::poll(&asked, 1, longest_wait) == 0) {
        ADD_FAILURE() << all_.size() << " notes of " << min;
        return all_;
      }
    }
  }

  /// Readable when there are notes that were not read.
  [[nodiscard]] int fd() const { return read_end_.get(); }

 private:
  static constexpr int longest_wait = 10'000;  // ms; what comes at all comes sooner

  void take() {
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto size = ::read(fd(), buffer.data(), buffer.size());
      if (size <= 0) return;
      for (const char byte : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
        if (byte != '\n') {
          begun_ += byte;
        } else {
          all_.push_back(std::move(begun_));
          begun_.clear();
        }
      }
    }
  }

  base::Fd read_end_;
  base::Fd write_end_;
  std::string begun_;
  std::vector<std::string> all_;
};

}  // namespace poetry::support
