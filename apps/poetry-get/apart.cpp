#include "apart.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "cli/main.hpp"
#include "net/child.hpp"
#include "net/socket.hpp"

namespace poetry::get {
namespace {

// What the process sends begins with what it is.
constexpr std::string_view answer_mark = "+";
constexpr std::string_view error_mark = "-";  // the message of what went wrong
constexpr std::size_t piece_bytes = std::size_t{64} << 10;

/// All that the process does once it has been asked to begin.
[[noreturn]] void do_work(const Apart::Work& work, int socket) noexcept {
  const auto send = [socket](std::string_view bytes) {
    if (base::write_fully(socket, bytes)) ::_exit(EXIT_FAILURE);  // the parent is gone
  };
  bool begun = false;
  try {
    work([&](std::string_view piece) {
      if (!std::exchange(begun, true)) send(answer_mark);
      send(piece);
    });
  } catch (const std::exception& error) {
    const auto* const failure = dynamic_cast<const std::system_error*>(&error);
    if (failure != nullptr && failure->code() == std::errc::broken_pipe) cli::end_by_closed_pipe();
    if (!begun) send(std::string(error_mark) + error.what());
    ::_exit(EXIT_FAILURE);
  }
  ::_exit(EXIT_SUCCESS);
}

/// Packs each value that it is called with behind `to`, or unpacks it from the front of `from`.
class Packer {
 public:
  explicit Packer(std::string& to) : to_(&to) {}
  explicit Packer(std::string_view from) : from_(from) {}

  template <typename Kind>
  requires std::is_trivially_copyable_v<Kind>
  void operator()(Kind& value) { copy(&value, sizeof value); }
  void operator()(std::string& text) {
    text.resize(size(text.size()));
    copy(text.data(), text.size());
  }
  void operator()(fetch::Arrivals& arrivals) {
    auto blur = arrivals.blur();
    auto times = arrivals.times();
    (*this)(blur);
    times.resize(size(times.size()));
    copy(times.data(), times.size() * sizeof(base::TimePoint));
    arrivals = {blur, std::move(times)};
  }
  /// That of what follows, which is not known before it is unpacked.
  std::size_t size(std::size_t value = 0) {
    (*this)(value);
    return value;
  }

 private:
  void copy(void* bytes, std::size_t size) {
    if (to_ != nullptr) {
      to_->append(static_cast<const char*>(bytes), size);
    } else {
      from_.copy(static_cast<char*>(bytes), size);
      from_.remove_prefix(size);
    }
  }

  std::string* to_ = nullptr;
  std::string_view from_;
};

// Names every member, lest one be forgotten: then this does not compile.
void visit_record(Packer each, fetch::Record& record) {
  auto& [outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted,
         resolved, connected, first_byte, ended, longest_gap, arrivals] = record;
  const auto visit = [&each](auto&... members) { (each(members), ...); };
  visit(outcome, sha256, address, error, attempts, bytes, lines, sent, started, attempted, resolved,
        connected, first_byte, ended, longest_gap, arrivals);
}

}  // namespace

Apart::Apart(const Work& work, std::span<const std::unique_ptr<Apart>> earlier) {
  auto [ours, its_socket] = net::make_socket_pair(SOCK_STREAM);
  socket_ = std::move(ours);
  pid_ = ::fork();
  if (pid_ < 0) base::throw_errno("start", "a process");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  socket_.reset();
  for (const auto& each : earlier) each->socket_.reset();
  char asked = 0;
  const auto begin = net::receive_some(its_socket.get(), {&asked, 1});
  // At its end, the parent ended it, or is gone.
  if (begin.status != net::IoStatus::ok) ::_exit(begin.status == net::IoStatus::end ? 0 : 1);
  do_work(work, its_socket.get());
}

Apart::~Apart() {
  if (pid_ > 0 && signals_ != nullptr) ::kill(pid_, SIGTERM);
  socket_.reset();
  wait();
}

void Apart::run(net::Signals& signals, const output::Sink& answer) {
  signals_ = &signals;
  const auto begun = net::send_some(socket_.get(), "!");
  // Where the process is gone, its status tells.
  if (begun.error && begun.error != std::errc::broken_pipe)
    throw std::system_error(begun.error, "begin");
  const std::string message = receive(answer);
  const int status = wait();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) cli::end_by_closed_pipe();
  if (WIFSIGNALED(status))
    throw std::runtime_error("its process was ended by signal " + std::to_string(WTERMSIG(status)));
  if (status != 0 || !message.empty()) {
    throw std::runtime_error(message.empty() ? "its process ended with status " +
                                                   std::to_string(WEXITSTATUS(status))
                                             : message);
  }
}

// All that the process sends until it ends: its answer, or the message of what it raised.
std::string Apart::receive(const output::Sink& answer) {
  std::string kind;
  std::string message;
  std::vector<char> piece(piece_bytes);
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{socket_.get(), POLLIN, 0},
                                 pollfd{signals_->fd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (signalled()) ::kill(pid_, SIGTERM);
    if (polled[0].revents == 0) continue;
    const auto received = net::receive_some(socket_.get(), piece);
    if (received.status == net::IoStatus::end) return message;
    if (received.status != net::IoStatus::ok) {
      socket_.reset();  // so that the process ends as well
      return received.error.message();
    }
    std::string_view bytes(piece.data(), received.bytes);
    if (kind.empty()) {
      kind = bytes.substr(0, 1);
      bytes.remove_prefix(1);
    }
    if (kind == answer_mark) {
      answer(bytes);
    } else {
      message += bytes;
    }
  }
}

bool Apart::signalled() {
  if (signals_ != nullptr && signals_->take()) signalled_ = true;  // null before it has begun
  return signalled_;
}

// The status as waitpid(2) gives it.
int Apart::wait() {
  const pid_t pid = std::exchange(pid_, -1);
  return pid > 0 ? net::wait_for_process(pid) : 0;
}

// A frame is its size and its bytes: the first holds the cost and how many records follow, each in
// a frame of its own.
void pack(report::Run run, const output::Sink& sink) {
  std::string piece;
  Packer whole(piece);
  std::string frame;
  const auto put = [&] {
    whole(frame);
    frame.clear();
    if (piece.size() < piece_bytes) return;
    sink(piece);
    piece.clear();
  };
  Packer head(frame);
  head(run.cost);
  head.size(run.records.size());
  put();
  for (fetch::Record& record : run.records) {
    visit_record(Packer(frame), record);
    put();
  }
  sink(piece);
}

output::Sink unpack_into(report::Run& run) {
  return [&run, pending = std::string(), begun = false](std::string_view piece) mutable {
    pending += piece;
    std::string_view rest = pending;
    while (rest.size() >= sizeof(std::size_t)) {
      const std::size_t size = Packer(rest).size();
      if (rest.size() - sizeof size < size) break;
      Packer frame(rest.substr(sizeof size, size));
      if (!std::exchange(begun, true)) {
        frame(run.cost);
        run.records.reserve(frame.size());
      } else {
        visit_record(frame, run.records.emplace_back());
      }
      rest.remove_prefix(sizeof size + size);
    }
    pending.erase(0, pending.size() - rest.size());
  };
}

}  // namespace poetry::get
