#include "net/child.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
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
  std::array<std::string, 3> words{"/bin/sh", "-c", command};
  const std::array arguments{words[0].data(), words[1].data(), words[2].data(),
                             static_cast<char*>(nullptr)};
  std::vector<std::string> additions(environment);
  std::vector<char*> variables;
  for (auto& entry : additions) variables.push_back(entry.data());
  for (char** entry = environ; *entry != nullptr; ++entry) variables.push_back(*entry);
  variables.push_back(nullptr);

  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t defaults{};
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setsigmask(&attributes, &mask);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  ::posix_spawnattr_setflags(&attributes,
                             static_cast<short>(grouped_ ? flags | POSIX_SPAWN_SETPGROUP : flags));
  const int error = ::posix_spawn(&pid_, words[0].c_str(), nullptr, &attributes, arguments.data(),
                                  variables.data());
  ::posix_spawnattr_destroy(&attributes);
  errno = error;
  if (error != 0) base::throw_errno("run", command);
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

std::optional<int> Child::reap() { return wait_with(WNOHANG); }

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
