// Signals as a readable descriptor (signalfd(2)): they are blocked for the calling thread and the
// threads that it starts, and read when the owner's loop gets to them. Owned by main; restores the
// mask at its end.
#pragma once

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::net {

class Signals {
 public:
  /// Raises std::system_error.
  explicit Signals(std::initializer_list<int> numbers) {
    sigset_t mask{};
    ::sigemptyset(&mask);
    for (const int number : numbers) ::sigaddset(&mask, number);
    // Who starts a process may have it ignore this one; then the kernel keeps no child's status.
    if (::sigismember(&mask, SIGCHLD) == 1) std::signal(SIGCHLD, SIG_DFL);
    ::pthread_sigmask(SIG_BLOCK, &mask, &previous_);
    fd_ = base::opened(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), "wait for", "signals");
  }
  ~Signals() {
    while (take()) continue;  // what still waits would end the process now
    let_act();
  }

  /// Restores the mask at once: those that wait, and all that come, do what they did before.
  void let_act() {
    fd_ = base::Fd();
    ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }

  /// Readable while a signal waits.
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next waiting signal's number, without blocking.
  std::optional<int> take() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
  }
  /// The mask before, which a child process should start with.
  [[nodiscard]] const sigset_t& previous_mask() const { return previous_; }

 private:
  sigset_t previous_{};
  base::Fd fd_;
};

}  // namespace poetry::net
