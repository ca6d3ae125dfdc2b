// The engine with a process a connection: each child blocks for its own client and refreshes its
// own copy of the service, while the parent accepts, keeps the children and alone calls the host.
//
// Parent and child hold an end each of a socket pair. The parent sends one message when the
// service is to drain; the end of the stream, which also a killed parent leaves behind, tells the
// child to stop. The child sends its report, and its end of the stream is the end of the process.
//
// All signals that the server reads stay blocked in a child, so that one sent to the whole process
// group, by a terminal's ^C or a service manager, is the parent's affair. SIGKILL ends a child
// alone.
#include <algorithm>
#include <csignal>
#include <list>
#include <optional>

#include "base/error.hpp"
#include "base/log.hpp"
#include "engine/blocking.hpp"
#include "engine/engine.hpp"
#include "net/child.hpp"
#include "net/limits.hpp"

namespace poetry::engine {
namespace {

/// When all are told to stop and for so long none has, the rest is killed: a session's code hangs.
constexpr auto stop_time = std::chrono::seconds(5);
/// Beside one for each child: the accepted socket and the child's end, until it is forked off.
constexpr std::uint64_t child_descriptors = 2;

/// The one message of the parent's.
constexpr char drain_message = 'd';

/// The child's message: how its connection ended. Both run the same program, so it goes as it is.
struct Report {
  std::uint64_t bytes = 0;
  base::Duration elapsed{0};
  Reason reason = Reason::fault;
};

/// What a client sends is read in pieces of at most this size, on the child's stack.
constexpr std::size_t child_buffer = std::size_t{64} << 10U;

/// The parent, and the service, which has its news here.
struct Parent : Outside {
  Parent(int channel, session::Service& its_service) : service(its_service) {
    descriptors[0].fd = channel;
    refresh();
  }
  Notice take(base::TimePoint now) override {
    auto notice = Notice::nothing;
    if (descriptors[0].revents != 0) notice = hear();
    if (descriptors[1].revents != 0 || until <= now) notice = std::max(notice, refresh());
    return notice;
  }
  Notice hear() {
    char message = 0;
    const auto count = ::recv(descriptors[0].fd, &message, 1, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Notice::nothing;
    if (count <= 0) return Notice::stop;
    try {
      service.drain();
    } catch (const std::exception& error) {
      base::log_error("{}", error.what());
    }
    return Notice::news;
  }
  Notice refresh() {
    const auto found = refreshed(service);
    until = found.again;
    descriptors[1].fd = found.readable;
    return found.news ? Notice::news : Notice::nothing;
  }

  session::Service& service;
};

/// A forked process keeps no socket but its own client's and its parent's: a listener would stay
/// bound, and another's connection would not end, for as long as it lives.
void keep_one_connection(int client, int channel) {
  for (const int fd : net::open_descriptors()) {
    if (fd <= STDERR_FILENO || fd == client || fd == channel) continue;
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) continue;
    const base::Fd closed(fd);
  }
}

/// Takes the accepted and serves it to its end; `channel` is the child's end of the pair. Passes on
/// what the service raises when it opens the session.
Report serve_as_child(AcceptedSocket& accepted, const SharedTerms& terms, int channel) {
  accepted.peer.process = ::getpid();
  Parent parent(channel, *terms->service);
  Connection connection(std::move(accepted), terms);
  std::array<char, child_buffer> buffer;  // not cleared, which would touch all of its pages
  run_blocking(connection, parent, buffer);
  connection.close();
  settle(*terms->service);
  const auto ended = connection.ended(base::Clock::now());
  return {ended.bytes, ended.elapsed, ended.reason};
}

class ForkLoop : public Loop {
 public:
  ForkLoop(reactor::Multiplexer& multiplexer, std::span<Port> ports, Host& host,
           const EngineOptions& options)
      : Loop(multiplexer, ports, host, options, News::elsewhere), controls_(options.controls) {}

 private:
  /// A connection and the process that serves it.
  struct Process : reactor::Waiter {
    Process(ForkLoop& its_loop, SharedTerms its_terms)
        : loop(its_loop), terms(std::move(its_terms)) {}
    void wake(reactor::Interest /*what*/) override {
      is_over ? loop.release(*this) : loop.hear(*this);
    }

    ForkLoop& loop;
    SharedTerms terms;
    AcceptedSocket accepted;  // the child alone has the socket
    base::Fd channel;
    pid_t pid = -1;
    std::optional<Report> report;
    bool is_over = false;  // as far as its channel tells
    std::list<Process>::iterator self;
  };

  void admit(AcceptedSocket& accepted, const SharedTerms& terms) override {
    auto [mine, channel] = net::make_socket_pair(SOCK_STREAM);
    std::list<Process> fresh;
    auto& process = fresh.emplace_back(*this, terms);
    process.channel = std::move(mine);
    events().watch(process.channel.get(), reactor::Interest::read, process);
    process.pid = ::fork();
    if (process.pid == 0) {
      process.channel.reset();
      be_child(accepted, terms, std::move(channel));
    }
    if (process.pid < 0) {
      const int error = errno;
      events().watch(process.channel.get(), reactor::Interest::none, process);
      throw_no_process(error, "fork");
    }
    accepted.socket.reset();
    process.accepted = std::move(accepted);
    processes_.splice(processes_.end(), fresh);
    process.self = std::prev(processes_.end());
  }

  /// Nothing of the parent's is destroyed here, nor are its buffers flushed a second time.
  [[noreturn]] void be_child(AcceptedSocket& accepted, const SharedTerms& terms,
                             base::Fd channel) noexcept {
    for (auto& process : processes_) process.channel.reset();
    for (const int fd : controls_) base::Fd(fd).reset();  // borrowed in the parent, copies here
    Report report;
    try {
      keep_one_connection(accepted.socket.get(), channel.get());
      report = serve_as_child(accepted, terms, channel.get());
    } catch (const std::exception& error) {
      base::log_error("port={} conn={}: {}", terms->port.at.port, accepted.peer.number,
                      error.what());
    }
    ::send(channel.get(), &report, sizeof report, MSG_NOSIGNAL);
    base::flush_log();
    ::_exit(0);
  }

  void tell(const session::Service& service) override {
    for (const auto& process : processes_) {
      if (process.terms->service.get() != &service) continue;
      ::send(process.channel.get(), &drain_message, sizeof drain_message,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }

  void end_if(const std::function<bool(const Held&)>& unwanted) override {
    const auto now = base::Clock::now();
    for (const auto& process : processes_) {
      const auto& accepted = process.accepted;
      if (unwanted(
              {process.terms->port, accepted.address, accepted.peer.number, {}, now - accepted.at}))
        net::half_close(process.channel.get());
    }
  }

  void end_all() override {
    for (const auto& process : processes_) net::half_close(process.channel.get());
    while (!processes_.empty()) {
      if (!killer_.armed()) events().wake_at(killer_, base::later(base::Clock::now(), stop_time));
      events().turn();
    }
  }

  void hear(Process& process) {
    Report report;
    const auto count = ::recv(process.channel.get(), &report, sizeof report, MSG_DONTWAIT);
    if (count == sizeof report) {
      process.report = report;  // the end of the process follows
    } else if (count >= 0 || (errno != EAGAIN && errno != EINTR)) {
      release(process);
    }
  }

  /// The child has closed its channel, as only its end does, which comes somewhat later.
  void release(Process& process) {
    constexpr auto asked_every = std::chrono::milliseconds(1);
    process.is_over = true;
    events().watch(process.channel.get(), reactor::Interest::none, process);
    int status = 0;
    if (::waitpid(process.pid, &status, WNOHANG) == 0)
      return events().wake_at(process, base::later(base::Clock::now(), asked_every));
    process.channel.reset();
    events().wake_at(killer_, base::never);  // it counts from the last one that has stopped
    const auto& accepted = process.accepted;
    auto report = process.report.value_or(Report{0, base::Clock::now() - accepted.at});
    if (!process.report || status != 0) {
      report.reason = Reason::fault;
      base::log_error("port={} conn={}: process {} ended {}", process.terms->port.at.port,
                      accepted.peer.number, process.pid, net::how_it_ended(status));
    }
    released({process.terms->port, accepted.address, accepted.peer.number, report.bytes,
              report.elapsed, report.reason},
             *process.terms);
    processes_.erase(process.self);
  }

  std::vector<int> controls_;         // to be closed in a child
  reactor::Callback killer_{[this] {  // of who does not stop
    for (const auto& process : processes_) ::kill(process.pid, SIGKILL);
  }};
  std::list<Process> processes_;
};

}  // namespace

Engine make_fork_engine() {
  return {[](std::span<Port> ports, Host& host, const EngineOptions& options) {
            const auto poll = reactor::make_poll();
            ForkLoop(*poll, ports, host, options).run();
          },
          [] { return process_capacity(child_descriptors); }};
}

}  // namespace poetry::engine
