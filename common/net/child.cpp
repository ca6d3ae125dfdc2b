#include "net/child.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"

namespace poetry::net {

Child::Child(const std::string& command, const std::vector<std::string>& environment,
             const sigset_t& mask)
    : grouped_(::isatty(STDIN_FILENO) == 0) {
  std::vector<std::string> words{"/bin/sh", "-c", command};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> additions(environment);
  std::vector<char*> variables;
  variables.reserve(additions.size() + 1);
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
  errno = ::posix_spawn(&pid_, "/bin/sh", nullptr, &attributes, arguments.data(), variables.data());
  const int error = errno;
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
