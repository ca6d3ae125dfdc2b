// The strategy over Boost.Asio: each task an object whose asynchronous operations (to connect, to
// wait for its socket, to wait for a time) run on one io_context in the caller's thread.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "fetch/exchange.hpp"
#include "fetch/resolver.hpp"
#include "fetch/roster.hpp"
#include "fetch/strategies.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

// Tasks begun in one handler, so that thousands of them do not hold up those under way.
constexpr int most_starts = 256;

/// A descriptor that Asio waits for and does not own.
class Borrowed {
 public:
  Borrowed(asio::io_context& io, int fd) : descriptor_(io, fd) {}
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() { [[maybe_unused]] const int fd = descriptor_.release(); }

  /// Calls `handler` each time the descriptor is readable, as long as this lives.
  template <typename Handler>
  void watch(Handler handler) {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [this, handler](const Error& error) {
                             if (error) return;  // only where it is cancelled
                             handler();
                             watch(handler);
                           });
  }

 private:
  asio::posix::stream_descriptor descriptor_;
};

/// A task in flight. Its handlers share it, and run once more after they were cancelled.
struct AsioTask {
  AsioTask(asio::io_context& io, Fetch what) : fetch(std::move(what)), connection(io), timer(io) {}

  Fetch fetch;
  std::deque<tcp::socket> candidates;  // to connect, by the index of their address
  tcp::socket connection;
  asio::steady_timer timer;
  TimePoint alarm = never;  // what the timer is set to: the fetch's deadline, or sooner
  bool reading = false;     // whether a wait for the connection is under way
  bool writing = false;
  std::uint64_t ticket = 0;  // of the name that it asks for
  std::uint64_t round = 0;   // goes up when sockets are dropped, which makes their handlers void
};
using TaskPtr = std::shared_ptr<AsioTask>;

enum class Progress { waits, goes_on, over };

/// Runs the tasks of one batch in one io_context.
class AsioRun {
 public:
  AsioRun(const Batch& batch, Observer& observer, Signals& signals)
      : batch_(batch),
        observer_(observer),
        signals_(signals),
        resolver_(Resolver::make_lookups(batch.lookup)),
        roster_(batch, observer),
        exchange_(observer, Exchange::shared_room),
        signal_(io_, signals.fd()),
        answer_(io_, resolver_.fd()) {}

  Result run();

 private:
  void start_later();
  void start_some();
  void advance(const TaskPtr& task);
  Progress act(const TaskPtr& task, const Resolve& action);
  Progress act(const TaskPtr& task, const Connect& action);
  Progress act(const TaskPtr& task, const Transfer& action);
  Progress act(const TaskPtr& task, const HalfClose&);
  Progress act(const TaskPtr& task, const Wait& action);
  Progress act(const TaskPtr& task, const Done&);
  void set_alarm(const TaskPtr& task, TimePoint until);
  void wait_for(const TaskPtr& task, tcp::socket::wait_type what, bool& under_way);
  void end_candidate(AsioTask& task, std::size_t index, std::error_code error);
  bool put_back(const TaskPtr& task, int error);
  void expire(const TaskPtr& task);
  void take_answers();
  void interrupt();
  static void drop_sockets(AsioTask& task);
  void retire(const TaskPtr& task);

  const Batch& batch_;
  Observer& observer_;
  Signals& signals_;
  asio::io_context io_{1};
  Resolver resolver_;
  Roster roster_;
  Exchange exchange_;
  Borrowed signal_;
  Borrowed answer_;
  bool starting_ = false;                              // whether start_some() is posted
  std::map<std::size_t, TaskPtr> tasks_;               // in flight
  std::unordered_map<std::uint64_t, TaskPtr> asking_;  // for a name, by the resolver's ticket
};

Result AsioRun::run() {
  signal_.watch([this] { interrupt(); });
  answer_.watch([this] { take_answers(); });
  start_later();
  return roster_.take(io_.run());  // which returns the number of handlers that it has run
}

void AsioRun::start_later() {
  if (std::exchange(starting_, true)) return;
  asio::post(io_, [this] { start_some(); });
}

void AsioRun::start_some() {
  starting_ = false;
  for (int starts = 0; starts < most_starts; ++starts) {
    const auto number = roster_.begin();
    if (!number) {
      if (roster_.empty()) io_.stop();
      return;
    }
    const auto task = std::make_shared<AsioTask>(io_, begin_fetch(batch_, *number, Clock::now()));
    tasks_[*number] = task;
    advance(task);
  }
  start_later();
}

void AsioRun::advance(const TaskPtr& task) {
  auto progress = Progress::goes_on;
  while (progress == Progress::goes_on) {
    progress = std::visit([&](const auto& each) { return act(task, each); }, task->fetch.next());
  }
}

// Not Asio's own resolver, which looks up one name after another, and waits for it at the end.
Progress AsioRun::act(const TaskPtr& task, const Resolve& action) {
  const auto numeric = resolve_numeric(task->fetch.where(), batch_.family);
  if (!numeric.addresses.empty()) {
    task->fetch.resolved(numeric, Clock::now());
    return Progress::goes_on;
  }
  task->ticket = resolver_.ask(task->fetch.where(), batch_.family);
  asking_[task->ticket] = task;
  set_alarm(task, action.until);
  return Progress::waits;
}

Progress AsioRun::act(const TaskPtr& task, const Connect& action) {
  const std::size_t index = task->candidates.size();
  if (index == action.addresses.size()) {
    set_alarm(task, action.until);
    return Progress::waits;
  }
  // Not async_connect(): Asio's own sockets are not close-on-exec from their creation.
  Fd made = open_socket(action.addresses[index].family(), Blocking::no);
  const int error = made ? 0 : errno;
  if (index == 0 && put_back(task, error)) return Progress::over;
  auto& socket = task->candidates.emplace_back(io_);
  if (!made) {
    end_candidate(*task, index, {error, std::generic_category()});
    return Progress::goes_on;
  }
  const IoResult started = start_connect(made.get(), action.addresses[index]);
  const bool is_ipv6 = action.addresses[index].family() == AF_INET6;
  socket.assign(is_ipv6 ? tcp::v6() : tcp::v4(), made.get());
  const int its_own = made.release();
  if (started.status != IoStatus::would_block) {
    end_candidate(*task, index, started.error);
    return Progress::goes_on;
  }
  socket.async_wait(tcp::socket::wait_write,
                    [this, task, index, its_own, round = task->round](const Error&) {
                      if (round != task->round) return;
                      end_candidate(*task, index, connect_outcome(its_own));
                      advance(task);
                    });
  return Progress::goes_on;
}

void AsioRun::end_candidate(AsioTask& task, std::size_t index, std::error_code error) {
  if (task.fetch.connect_ended(index, error, Clock::now()) == Candidate::failed) {
    Error ignored;
    task.candidates[index].close(ignored);
    return;
  }
  tcp::socket chosen = std::move(task.candidates[index]);
  drop_sockets(task);
  task.connection = std::move(chosen);
}

Progress AsioRun::act(const TaskPtr& task, const Transfer& action) {
  wait_for(task, tcp::socket::wait_read, task->reading);
  if (!action.unsent.empty()) wait_for(task, tcp::socket::wait_write, task->writing);
  set_alarm(task, action.until);
  return Progress::waits;
}

// An error or hang-up is found by the call that was waited for.
void AsioRun::wait_for(const TaskPtr& task, tcp::socket::wait_type what, bool& under_way) {
  if (std::exchange(under_way, true)) return;
  const auto ready = [this, task, what, &under_way, round = task->round](const Error&) {
    if (round != task->round) return;
    under_way = false;
    const int socket = task->connection.native_handle();
    if (what == tcp::socket::wait_write) {
      Exchange::send(task->fetch, socket, Clock::now());
    } else {
      exchange_.receive(task->fetch, socket, Clock::now());
    }
    advance(task);
  };
  task->connection.async_wait(what, ready);
}

Progress AsioRun::act(const TaskPtr& task, const HalfClose&) {
  half_close(task->connection.native_handle());
  task->fetch.half_closed(Clock::now());
  return Progress::goes_on;
}

Progress AsioRun::act(const TaskPtr& task, const Wait& action) {
  drop_sockets(*task);
  observer_.retrying(task->fetch.task(), task->fetch.record(), action.delay);
  set_alarm(task, action.until);
  return Progress::waits;
}

Progress AsioRun::act(const TaskPtr& task, const Done&) {
  retire(task);
  roster_.finish(task->fetch);
  return Progress::over;
}

// Deadlines mostly move away: a timer that fires sooner is left as it is, and expire() looks again.
void AsioRun::set_alarm(const TaskPtr& task, TimePoint until) {
  if (until == never || task->alarm <= until) return;
  task->alarm = until;
  task->timer.expires_at(until);
  task->timer.async_wait([this, task, until](const Error& error) {
    if (error || task->alarm != until) return;
    task->alarm = never;
    expire(task);
  });
}

void AsioRun::expire(const TaskPtr& task) {
  const TimePoint now = Clock::now();
  if (now < task->fetch.deadline()) {
    set_alarm(task, task->fetch.deadline());
    return;
  }
  if (asking_.erase(task->ticket) > 0) resolver_.forget(task->ticket);
  task->fetch.expired(now);
  advance(task);
}

void AsioRun::take_answers() {
  while (const auto answer = resolver_.take()) {
    const auto found = asking_.find(answer->ticket);
    if (found == asking_.end()) continue;
    const TaskPtr task = found->second;
    asking_.erase(found);
    task->fetch.resolved(answer->found, Clock::now());
    advance(task);
  }
}

void AsioRun::interrupt() {
  if (!signals_.take()) return;
  while (!tasks_.empty()) {
    const TaskPtr task = tasks_.begin()->second;
    task->fetch.interrupt(Clock::now());
    advance(task);
  }
  roster_.interrupt();
}

// Out of descriptors: the task begins anew when another one has ended. Not where no other would
// give a descriptor back, nor in the middle of a task.
bool AsioRun::put_back(const TaskPtr& task, int error) {
  const bool first = task->fetch.record().attempts == 1;
  if ((error != EMFILE && error != ENFILE) || !first || roster_.alone()) return false;
  roster_.put_back(task->fetch.task());
  retire(task);
  return true;
}

void AsioRun::drop_sockets(AsioTask& task) {
  Error ignored;
  task.candidates.clear();
  task.connection.close(ignored);
  task.reading = task.writing = false;
  ++task.round;
}

void AsioRun::retire(const TaskPtr& task) {
  drop_sockets(*task);
  task->timer.cancel();
  task->alarm = never;
  if (asking_.erase(task->ticket) > 0) resolver_.forget(task->ticket);
  tasks_.erase(task->fetch.task());
  start_later();
}

class AsioStrategy final : public Strategy {
 public:
  Result run(const Batch& batch, Observer& observer, Signals& signals) override {
    return AsioRun(batch, observer, signals).run();
  }
};

}  // namespace

std::unique_ptr<Strategy> make_asio_strategy() { return std::make_unique<AsioStrategy>(); }

}  // namespace poetry
