// The strategy over Boost.Asio: each task is a coroutine, which reads as if it blocked. All of them
// run on one io_context, in the caller's thread.
#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <exception>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "fetch/resolver.hpp"
#include "fetch/socket_io.hpp"
#include "fetch/strategies.hpp"
#include "fetch/task_queue.hpp"
#include "net/socket.hpp"

namespace poetry::fetch {
namespace {

namespace asio = boost::asio;
using asio::experimental::make_parallel_group;
using Error = boost::system::error_code;

/// Runs the tasks of one batch.
class AsioRun {
 public:
  AsioRun(const Batch& batch, Observer& observer, net::Signals& signals)
      : batch_(batch), observer_(observer), signals_(signals) {}

  Result run() {
    spawn(take_answers());
    spawn(take_signals());
    spawn(start_tasks());
    return queue_.take(io_.run());  // which returns the number of handlers that it has run
  }

 private:
  /// Opens its sockets close-on-exec, as Asio's usual protocols do not.
  struct Stream : asio::generic::stream_protocol {
    Stream(const stream_protocol& base) : stream_protocol(base) {}
    [[nodiscard]] int type() const { return SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC; }
  };

  // Asio's types, without the any_io_executor that costs time and memory.
  using Executor = asio::io_context::executor_type;
  using Awaitable = asio::awaitable<void, Executor>;
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  using Socket = asio::basic_stream_socket<Stream, Executor>;
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>, Executor>;

  // For operations that are cancelled every day: co_await returns their error, and raises nothing.
  static constexpr auto as_values = asio::as_tuple(asio::deferred);

  // Tasks begun in one handler, so that thousands of them do not hold up those under way.
  static constexpr int max_starts = 256;
  // Bytes that each of thousands of tasks waits with; more than that goes to the shared buffer.
  static constexpr std::size_t line_room = 128;

  /// A descriptor that Asio waits for and does not own.
  struct Borrowed : Descriptor {
    using Descriptor::Descriptor;
    ~Borrowed() { std::ignore = release(); }
  };

  struct Task {
    Fetch fetch;
    Timer deadline;               // never, where nothing waits for it
    std::vector<Socket> sockets;  // to connect, by the index of their address; or the connection
    base::TimePoint woken{};      // when its last wait was over: what came by then counts
    bool put_back = false;
  };

  // What a coroutine raises leaves run().
  void spawn(Awaitable coroutine) {
    asio::co_spawn(io_, std::move(coroutine), [](const std::exception_ptr& raised) {
      if (raised) std::rethrow_exception(raised);
    });
  }

  Awaitable start_tasks() {
    for (int started = 0; !queue_.empty();) {
      if (const auto number = queue_.begin()) {
        spawn(carry_out(*number));
        if (++started % max_starts == 0) co_await asio::post(io_, asio::deferred);
      } else {
        co_await ended_.async_wait(as_values);
      }
    }
    io_.stop();
  }

  Awaitable carry_out(std::size_t number) {
    co_await asio::post(io_, asio::deferred);  // from then on, what is raised leaves run() at once
    Task task{begin_fetch(batch_, number, base::Clock::now()), Timer(io_, base::never), {}};
    tasks_[number] = &task;
    for (Action action = task.fetch.next(); !std::holds_alternative<Done>(action) && !task.put_back;
         action = task.fetch.next()) {
      co_await std::visit([&](const auto& each) { return act(task, each); }, action);
      task.fetch.expired(task.woken);
    }
    tasks_.erase(number);
    task.sockets.clear();
    task.put_back ? queue_.put_back(number) : queue_.finish(task.fetch);
    ended_.cancel();
  }

  // Not by Asio's own resolver, which looks up one name after another, and waits for it at the end.
  Awaitable act(Task& task, const Resolve& action) {
    const auto numeric = net::resolve_numeric(task.fetch.where(), batch_.family);
    if (!numeric.addresses.empty()) {
      task.fetch.resolved(numeric, base::Clock::now());
      co_return;
    }
    Timer deadline(io_, action.until);
    const auto ticket = resolver_.ask(task.fetch.where(), batch_.family);
    asking_[ticket] = {&task.fetch, &deadline};
    co_await deadline.async_wait(as_values);
    task.woken = base::Clock::now();
    if (asking_.erase(ticket) > 0) resolver_.forget(ticket);
  }

  Awaitable take_answers() {
    for (Borrowed wakeup(io_, resolver_.fd());;) {
      co_await wakeup.async_wait(Borrowed::wait_read, asio::deferred);
      while (const auto answer = resolver_.take()) {
        const auto asked = asking_.extract(answer->ticket);
        if (asked.empty()) continue;
        asked.mapped().first->resolved(answer->found, base::Clock::now());
        asked.mapped().second->cancel();
      }
    }
  }

  Awaitable act(Task& task, const Connect& action) {
    const std::size_t tried = task.sockets.size();
    if (tried < action.addresses.size()) {
      try_address(task, action.addresses[tried]);
      co_return;
    }
    std::vector<decltype(task.sockets[0].async_wait(Socket::wait_write, asio::deferred))> waits;
    for (auto& each : task.sockets) {  // those that failed are closed, and fail again
      waits.push_back(each.async_wait(Socket::wait_write, asio::deferred));
    }
    cancel_at(task, action.until);
    const auto [order, errors] =
        co_await make_parallel_group(std::move(waits))
            .async_wait(asio::experimental::wait_for_one_success(), asio::deferred);
    task.woken = base::Clock::now();
    const std::size_t first = std::find(errors.begin(), errors.end(), Error()) - errors.begin();
    if (first == tried) co_return;
    end_attempt(task, first, net::connect_outcome(task.sockets[first].native_handle()));
  }

  // Not by async_connect(), which cannot be awaited once more when the next address joins in.
  void try_address(Task& task, const net::Address& address) {
    const std::size_t index = task.sockets.size();
    auto& socket = task.sockets.emplace_back(io_);
    Error error;
    socket.open(asio::generic::stream_protocol(address.family(), 0), error);
    const bool none_left = error == std::errc::too_many_files_open ||
                           error == std::errc::too_many_files_open_in_system;
    const bool may_wait = index == 0 && task.fetch.record().attempts == 1 && !queue_.alone();
    task.put_back = none_left && may_wait;
    if (task.put_back) return;
    const auto started = error ? net::IoResult{net::IoStatus::error, 0, error}
                               : net::start_connect(socket.native_handle(), address);
    if (started.status != net::IoStatus::would_block) end_attempt(task, index, started.error);
  }

  static void end_attempt(Task& task, std::size_t index, std::error_code error) {
    if (task.fetch.connect_ended(index, error, base::Clock::now()) == Candidate::failed) {
      task.sockets[index].close();
      return;
    }
    Socket chosen = std::move(task.sockets[index]);
    task.sockets.clear();
    task.sockets.push_back(std::move(chosen));
  }

  Awaitable act(Task& task, const Transfer& action) {
    cancel_at(task, action.until);
    return action.unsent.empty() ? receive(task, action.max) : send_and_receive(task);
  }

  Awaitable receive(Task& task, std::size_t max) {
    std::array<char, line_room> line;
    auto& socket = task.sockets[0];
    const auto [error, bytes] = co_await socket.async_receive(asio::buffer(line, max), as_values);
    const base::TimePoint now = task.woken = base::Clock::now();
    if (!error && bytes > 0) {
      SocketIo::deliver(task.fetch, observer_, {line.data(), bytes}, now);
      if (bytes == line.size()) socket_io_.receive(task.fetch, socket.native_handle(), now);
    } else if (!error) {
      task.fetch.stream_ended(now);
    } else if (error != asio::error::operation_aborted) {
      task.fetch.receive_failed(error, now);
    }
  }

  Awaitable send_and_receive(Task& task) {
    auto& socket = task.sockets[0];
    const auto [order, unreadable, unwritable] =
        co_await make_parallel_group(socket.async_wait(Socket::wait_read, asio::deferred),
                                     socket.async_wait(Socket::wait_write, asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::deferred);
    const base::TimePoint now = task.woken = base::Clock::now();
    if (!unwritable) SocketIo::send(task.fetch, socket.native_handle(), now);
    if (!unreadable) socket_io_.receive(task.fetch, socket.native_handle(), now);
  }

  // Deadlines mostly move away: one that comes sooner is left alone, and the task looks again then.
  void cancel_at(Task& task, base::TimePoint until) {
    if (task.deadline.expiry() <= until) return;
    task.deadline.expires_at(until);
    task.deadline.async_wait([this, number = task.fetch.task()](const Error& moved) {
      const auto found = tasks_.find(number);
      if (moved || found == tasks_.end()) return;
      found->second->deadline.expires_at(base::never);
      for (Error closed; auto& socket : found->second->sockets) socket.cancel(closed);
    });
  }

  Awaitable act(Task& task, const HalfClose&) {
    net::half_close(task.sockets[0].native_handle());
    task.fetch.half_closed(base::Clock::now());
    co_return;
  }

  Awaitable act(Task& task, const Wait& action) {
    task.sockets.clear();
    observer_.retrying(task.fetch.task(), task.fetch.record(), action.delay);
    Timer delay(io_, action.until);
    co_await delay.async_wait(asio::deferred);
    task.woken = base::Clock::now();
  }

  Awaitable act(Task&, const Done&) { co_return; }

  Awaitable take_signals() {
    Borrowed wakeup(io_, signals_.fd());
    while (!signals_.take()) co_await wakeup.async_wait(Borrowed::wait_read, asio::deferred);
    for (const auto& [number, task] : tasks_) {
      task->fetch.interrupt(base::Clock::now());
      queue_.finish(task->fetch);
    }
    queue_.interrupt();
    io_.stop();
  }

  const Batch& batch_;
  Observer& observer_;
  net::Signals& signals_;
  Resolver resolver_{Resolver::make_lookups(batch_.lookup)};
  TaskQueue queue_{batch_, observer_};
  SocketIo socket_io_{observer_, SocketIo::shared_room};
  std::map<std::size_t, Task*> tasks_;                         // in flight
  std::map<std::uint64_t, std::pair<Fetch*, Timer*>> asking_;  // by the resolver's ticket
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};    // one thread; owns the coroutines
  Timer ended_{io_, base::never};                              // cancelled when a task has ended
};

class AsioStrategy final : public Strategy {
 public:
  Result run(const Batch& batch, Observer& observer, net::Signals& signals) override {
    return AsioRun(batch, observer, signals).run();
  }
};

}  // namespace

std::unique_ptr<Strategy> make_asio_strategy() { return std::make_unique<AsioStrategy>(); }

}  // namespace poetry::fetch
