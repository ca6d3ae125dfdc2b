#include "net/child.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"

namespace poetry::net {

int wait_for_process(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "by signal " + std::to_string(WTERMSIG(status))
                             : "early, with status " + std::to_string(WEXITSTATUS(status));
}

Child::Child(const std::string& command, const std::vector<std::string>& environment,
             const sigset_t& mask)
    : grouped_(::isatty(STDIN_FILENO) == 0) {
  std::vector<std::string> additions(environment);
  std::vector<char*> variables;
  for (auto& entry : additions) variables.push_back(entry.data());
  for (char** entry = environ; *entry != nullptr; ++entry) variables.push_back(*entry);
  variables.push_back(nullptr);

  pid_ = ::fork();
  if (pid_ < 0) base::throw_errno("run", command);
  if (grouped_) ::setpgid(pid_, 0);  // in both, so that it is one as soon as either goes on
  if (pid_ > 0) return;
  std::signal(SIGPIPE, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::execle("/bin/sh", "/bin/sh", "-c", command.c_str(), nullptr, variables.data());
  ::_exit(127);  // as a shell says of what is not there
}

Child::~Child() {
  if (status_) return;
  signal(SIGKILL);
  wait();
}

std::optional<int> Child::wait_with(int flags) {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, flags) == pid_) {
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return status_;
}

int Child::wait() {
  while (!wait_with(0)) {
    if (errno != EINTR) return 1;
  }
  return *status_;
}

void Child::signal(int number) const {
  if (!status_) ::kill(grouped_ ? -pid_ : pid_, number);
}

}  // namespace poetry::net
