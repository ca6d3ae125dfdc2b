#include "apart.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/error.hpp"
#include "cli/standard_output.hpp"

namespace poetry::get {
namespace {

// What the child sends first: whether its answer follows or its complaint.
constexpr std::string_view answer_mark = "+";
constexpr std::string_view complaint_mark = "-";
constexpr std::size_t pipe_bytes = std::size_t{64} << 10;

[[noreturn]] void die_of(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  ::_exit(128 + signal);
}

/// Two connected sockets: to write to one raises no SIGPIPE where the other is gone.
std::array<base::Fd, 2> make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    base::throw_errno("make", "a pair of sockets");
  }
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

/// Whether the parent asked to begin, before it closed its end or was gone.
bool asked_to_begin(int socket) {
  char asked = 0;
  ssize_t count = 0;
  do {
    count = ::read(socket, &asked, 1);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

[[noreturn]] void do_work(const Apart::Work& work, int pipe) {
  bool answering = false;
  const output::Sink answer = [&](std::string_view bytes) {
    if (!std::exchange(answering, true)) cli::write_all(pipe, answer_mark, "pipe");
    cli::write_all(pipe, bytes, "pipe");
  };
  std::string complaint;
  try {
    work(answer);
  } catch (const std::system_error& error) {
    if (answering) ::_exit(1);  // the parent is gone
    if (error.code() == std::errc::broken_pipe) die_of(SIGPIPE);
    complaint = error.what();
  } catch (const std::exception& error) {
    complaint = error.what();
  }
  try {
    if (!answering) cli::write_all(pipe, std::string(complaint_mark) + complaint, "pipe");
  } catch (const std::system_error&) {
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

Apart::Apart(const Work& work, std::vector<Apart>& earlier) {
  auto begin = make_pair();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) base::throw_errno("make", "a pipe");
  base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) base::throw_errno("start", "a process");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    begin[1].reset();
    reading.reset();
    for (Apart& each : earlier) {  // whose ends of pipes would keep them open
      each.pid_ = -1;
      each.begin_.reset();
      each.answer_.reset();
    }
    if (!asked_to_begin(begin[0].get())) ::_exit(0);
    do_work(work, writing.get());
  }
  begin_ = std::move(begin[1]);
  answer_ = std::move(reading);
}

Apart::Apart(Apart&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      begin_(std::move(other.begin_)),
      answer_(std::move(other.answer_)),
      signals_(other.signals_),
      buffer_(std::move(other.buffer_)),
      unread_(other.unread_),
      signalled_(other.signalled_),
      marked_(other.marked_) {}

Apart::~Apart() {
  if (pid_ > 0 && signals_ != nullptr) ::kill(pid_, SIGTERM);
  begin_.reset();
  answer_.reset();
  wait();
}

void Apart::begin(net::Signals& signals) {
  signals_ = &signals;
  buffer_.resize(pipe_bytes);
  ::send(begin_.get(), "!", 1, MSG_NOSIGNAL);  // read() tells, where it is gone
}

void Apart::read(std::span<char> bytes) {
  if (!std::exchange(marked_, true)) {
    char mark = 0;
    read({&mark, 1});
    if (mark == complaint_mark.front()) complain();
  }
  while (!bytes.empty()) {
    if (unread_.empty() && !refill()) finish();
    if (unread_.empty()) throw std::runtime_error("its process ended without an answer");
    const auto count = std::min(bytes.size(), unread_.size());
    std::copy_n(unread_.begin(), count, bytes.begin());
    unread_ = unread_.subspan(count);
    bytes = bytes.subspan(count);
  }
}

// Whether there is more.
bool Apart::refill() {
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{answer_.get(), POLLIN, 0},
                                 pollfd{signals_->fd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (signalled()) ::kill(pid_, SIGTERM);
    if (polled[0].revents == 0) continue;
    const auto count = ::read(answer_.get(), buffer_.data(), buffer_.size());
    if (count < 0 && errno != EINTR) base::throw_errno("read from", "a process");
    if (count < 0) continue;
    unread_ = std::span(buffer_).first(static_cast<std::size_t>(count));
    return count > 0;
  }
}

bool Apart::signalled() {
  if (signals_->take()) signalled_ = true;
  return signalled_;
}

void Apart::complain() {
  std::string complaint(unread_.begin(), unread_.end());
  while (complaint.size() < pipe_bytes && refill()) {
    complaint.append(unread_.begin(), unread_.end());
  }
  throw std::runtime_error(complaint);
}

void Apart::finish() {
  wait();
  if (WIFSIGNALED(status_) && WTERMSIG(status_) == SIGPIPE) die_of(SIGPIPE);
  if (WIFSIGNALED(status_)) {
    throw std::runtime_error("its process was ended by signal " +
                             std::to_string(WTERMSIG(status_)));
  }
  if (status_ != 0) {
    throw std::runtime_error("its process ended with status " +
                             std::to_string(WEXITSTATUS(status_)));
  }
}

void Apart::wait() {
  if (pid_ < 0) return;
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
}

}  // namespace poetry::get
