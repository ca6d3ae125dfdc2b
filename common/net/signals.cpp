#include "net/signals.hpp"

#include <sys/signalfd.h>

#include "base/error.hpp"

namespace poetry::net {

Signals::Signals(std::initializer_list<int> numbers) {
  sigset_t mask{};
  ::sigemptyset(&mask);
  for (const int number : numbers) ::sigaddset(&mask, number);
  // Who starts a process may have it ignore this one; then the kernel keeps no child's status.
  if (::sigismember(&mask, SIGCHLD) == 1) std::signal(SIGCHLD, SIG_DFL);
  ::pthread_sigmask(SIG_BLOCK, &mask, &previous_);
  fd_ = base::Fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) base::throw_errno("wait for", "signals");
}

Signals::~Signals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

std::optional<int> Signals::take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace poetry::net
