// Child processes, and a shell command as one. Its owner learns of its end by SIGCHLD and reap(); a
// child that still runs when its owner goes is killed.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace poetry::net {

/// Waits for the end of a child; its status as waitpid(2) has it, 0 where the kernel keeps none,
/// since whoever started this process has it ignore SIGCHLD.
inline int wait_for_process(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

/// Such a status in words: "by signal 9", "early, with status 1".
inline std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "by signal " + std::to_string(WTERMSIG(status))
                             : "early, with status " + std::to_string(WEXITSTATUS(status));
}

class Child {
 public:
  /// Runs `/bin/sh -c command` with `environment` ("NAME=value") beside this process's own and
  /// `mask` as signal mask. Unless standard input is a terminal, whose signals reach the command
  /// anyway, it is a process group of its own. Raises std::system_error.
  Child(const std::string& command, std::vector<std::string> environment, const sigset_t& mask)
      : grouped_(::isatty(STDIN_FILENO) == 0) {
    std::vector<char*> variables;
    for (auto& entry : environment) variables.push_back(entry.data());
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
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (status_) return;
    signal(SIGKILL);
    wait();
  }

  /// The exit status once it has ended, as a shell gives it (128 + N after signal N).
  std::optional<int> reap() { return wait_with(WNOHANG); }
  /// Waits for the end, at most as long as it lives.
  int wait() {
    while (!wait_with(0)) {
      if (errno != EINTR) return 1;
    }
    return *status_;
  }
  /// Sends a signal to the command, with its process group where it has its own.
  void signal(int number) const {
    if (!status_) ::kill(grouped_ ? -pid_ : pid_, number);
  }

 private:
  std::optional<int> wait_with(int flags) {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, flags) == pid_)
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return status_;
  }

  pid_t pid_ = -1;
  bool grouped_ = false;
  std::optional<int> status_;
};

}  // namespace poetry::net
