// Signals as a readable descriptor (signalfd(2)): they are blocked for the calling thread and the
// threads that it starts, and read when the owner's loop gets to them. Owned by main; restores the
// mask at its end.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>

#include "base/fd.hpp"

namespace poetry::net {

class Signals {
 public:
  /// Raises std::system_error.
  explicit Signals(std::initializer_list<int> numbers);
  ~Signals();

  /// Readable while a signal waits.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next waiting signal's number, without blocking.
  std::optional<int> take();
  /// The mask before, which a child process should start with.
  [[nodiscard]] const sigset_t& previous_mask() const { return previous_; }

 private:
  sigset_t previous_{};
  base::Fd fd_;
};

}  // namespace poetry::net
