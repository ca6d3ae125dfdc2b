#include "engine_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/standard_output.hpp"

namespace poetry {
namespace {

// What the child sends first: its result or its complaint.
constexpr char result_mark = '+';
constexpr char error_mark = '-';

[[noreturn]] void die_of(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  ::_exit(128 + signal);
}

[[noreturn]] void be_child(const std::function<Run()>& body, int pipe) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::string text;
  try {
    text = result_mark + pack(body());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) die_of(SIGPIPE);
    text = error_mark + std::string(error.what());
  } catch (const std::exception& error) {
    text = error_mark + std::string(error.what());
  }
  try {
    write_all(pipe, text, "pipe");
  } catch (const std::system_error&) {
    ::_exit(1);  // the parent is gone
  }
  ::_exit(0);
}

// All that the child sends, while signals are passed on to it.
std::string listen_to(int pipe, pid_t child, Signals& signals) {
  std::string text;
  std::array<char, 65536> piece;
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{pipe, POLLIN, 0}, pollfd{signals.fd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (const auto signal = signals.take()) ::kill(child, *signal);
    if (polled[0].revents == 0) continue;
    const auto count = ::read(pipe, piece.data(), piece.size());
    if (count < 0 && errno != EINTR) throw_errno("read from", "an engine's process");
    if (count == 0) return text;
    if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

Run run_apart(const std::function<Run()>& body, Signals& signals) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw_errno("make", "a pipe");
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw_errno("start", "an engine's process");
  if (child == 0) be_child(body, writing.get());
  writing.reset();
  const std::string text = listen_to(reading.get(), child, signals);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) die_of(SIGPIPE);
  if (text.starts_with(error_mark)) throw std::runtime_error(text.substr(1));
  if (!text.starts_with(result_mark) || status != 0) {
    throw std::runtime_error("an engine's process ended with status " + std::to_string(status));
  }
  return unpack(text.substr(1));
}

}  // namespace poetry
