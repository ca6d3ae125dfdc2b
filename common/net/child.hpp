// Child processes, and a shell command as one. Its owner learns of its end by SIGCHLD and reap(); a
// child that still runs when its owner goes is killed.
#pragma once

#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace poetry::net {

/// Waits for the end of a child; its status as waitpid(2) has it, 0 where the kernel keeps none,
/// since whoever started this process has it ignore SIGCHLD.
int wait_for_process(pid_t pid);

/// Such a status in words: "by signal 9", "early, with status 1".
std::string how_it_ended(int status);

class Child {
 public:
  /// Runs `/bin/sh -c command` with `environment` ("NAME=value") beside this process's own and
  /// `mask` as signal mask. Unless standard input is a terminal, whose signals reach the command
  /// anyway, it is a process group of its own. Raises std::system_error.
  Child(const std::string& command, const std::vector<std::string>& environment,
        const sigset_t& mask);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// The exit status once it has ended, as a shell gives it (128 + N after signal N).
  std::optional<int> reap() { return wait_with(WNOHANG); }
  /// Waits for the end, at most as long as it lives.
  int wait();
  /// Sends a signal to the command, with its process group where it has its own.
  void signal(int number) const;

 private:
  std::optional<int> wait_with(int flags);

  pid_t pid_ = -1;
  bool grouped_ = false;
  std::optional<int> status_;
};

}  // namespace poetry::net
