// Counts what a process has run however it ends, but by a signal of another's. The compiler's
// library writes the counts at exit alone, into files that all processes share: what ends by
// _exit(2) counted nothing, and a process that was killed meanwhile, or had a limit of the size of
// files, left a file behind to which no other could add. Part of the preset "coverage".
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

extern "C" void __gcov_dump();

namespace {

/// Out of reach of what a test does to the process whose counts these are.
[[noreturn]] void write_counts() {
  ::setsid();
  ::close_range(0, ~0U, 0);  // its ports and pipes end with it
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) ::open("/dev/null", O_RDWR);
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &unlimited) == 0) __gcov_dump();
  ::syscall(SYS_exit_group, EXIT_SUCCESS);
  __builtin_unreachable();
}

void count() {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t child = ::fork();
  if (child == 0) write_counts();
  while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// Registered before anything else is constructed, so that all that is destroyed is counted.
[[gnu::constructor(101)]] void count_at_exit() {
  ::on_exit(
      [](int status, void*) {
        std::fflush(nullptr);
        ::_exit(status);
      },
      nullptr);
}

}  // namespace

// In place of libc's. The linker is told to take this file by the last of them.
extern "C" {

void _exit(int status) {
  count();
  ::syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

int raise(int number) noexcept {
  count();
  return ::pthread_kill(::pthread_self(), number);
}

void poetry_coverage_end() {}
}
