// The strategy over Boost.Asio: each task is a coroutine, which reads as if it blocked. All of them
// run on one io_context, in the caller's thread.
#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <cerrno>
#include <exception>
#include <map>
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
    whenever_readable(names_, [this] { resolver_.deliver(); });
    whenever_readable(news_, [this] { take_signals(); });
    spawn(start_tasks());
    return queue_.take(io_.run());  // which returns the number of handlers that it has run
  }

 private:
  // Asio's types, without the any_io_executor that costs time and memory.
  using Executor = asio::io_context::executor_type;
  using Awaitable = asio::awaitable<void, Executor>;
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  struct Borrowed : Descriptor {
    using Descriptor::Descriptor;
    ~Borrowed() { std::ignore = release(); }
  };
  using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>, Executor>;

  // For operations that are cancelled every day: co_await returns their error, and raises nothing.
  static constexpr auto as_values = asio::as_tuple(asio::deferred);

  // Bytes that each of thousands of tasks waits with; more than that goes to the shared buffer.
  static constexpr std::size_t line_room = 128;

  struct Task {
    Fetch fetch;
    Timer deadline;               // never, where nothing waits for it
    std::vector<Socket> sockets;  // to connect, by the index of their address; or the connection
    base::TimePoint woken{};      // when its last wait was over: what came by then counts
    Error shortage{};             // for which it begins anew later
  };

  // What a coroutine raises leaves run().
  void spawn(Awaitable coroutine) {
    asio::co_spawn(io_, std::move(coroutine), [](const std::exception_ptr& raised) {
      if (raised) std::rethrow_exception(raised);
    });
  }

  // No coroutine: for one that still waits at the end, Asio allocates.
  template <typename Act>
  void whenever_readable(Descriptor& descriptor, Act act) {
    descriptor.async_wait(Descriptor::wait_read, [this, &descriptor, act](const Error& ended) {
      if (ended) return;
      act();
      whenever_readable(descriptor, act);
    });
  }

  // One in a turn of the loop, so that thousands of them do not hold up those under way.
  Awaitable start_tasks() {
    while (!queue_.empty()) {
      if (const auto number = queue_.begin(base::Clock::now())) {
        spawn(carry_out(*number));
        co_await asio::post(io_, asio::deferred);
      } else {
        ended_.expires_at(queue_.next_turn());
        co_await ended_.async_wait(as_values);
      }
    }
    io_.stop();
  }

  Awaitable carry_out(std::size_t number) {
    co_await asio::post(io_, asio::deferred);  // from then on, what is raised leaves run() at once
    Task task{begin_fetch(batch_, number, base::Clock::now()), Timer(io_, base::never), {}};
    tasks_[number] = &task;
    while (!task.fetch.over() && !task.shortage) {
      co_await std::visit([&](const auto& each) { return act(task, each); }, task.fetch.next());
      task.fetch.expired(task.woken);
    }
    tasks_.erase(number);
    task.sockets.clear();
    task.shortage ? queue_.put_back(number, task.shortage) : queue_.finish(task.fetch);
    ended_.cancel();
  }

  // Not by Asio's own resolver, which looks up one name after another, and waits for it at the end.
  Awaitable act(Task& task, const Resolve& action) {
    if (resolve_numeric(task.fetch, batch_)) co_return;
    Timer deadline(io_, action.until);
    const auto begun = [&] {
      task.fetch.lookup_begun(base::Clock::now());
      deadline.expires_at(task.fetch.deadline());
    };
    const auto answered = [&](const net::Resolved& found) {
      task.fetch.resolved(found, base::Clock::now());
      deadline.cancel();
    };
    const auto ticket = resolver_.ask(task.fetch.where(), batch_.family, {begun, answered});
    do {
      co_await deadline.async_wait(as_values);
      task.woken = base::Clock::now();
    } while (std::holds_alternative<Resolve>(task.fetch.next()) && task.woken < deadline.expiry());
    resolver_.forget(ticket);
  }

  // Not by async_connect(), which cannot be awaited once more when the next address joins in.
  Awaitable act(Task& task, const Connect& action) {
    for (std::size_t each = 0; each < action.over; ++each) task.sockets[each].close();
    const std::size_t tried = task.sockets.size();
    if (tried < action.addresses.size()) co_return try_address(task, action.addresses[tried]);
    std::vector<decltype(task.sockets[0].async_wait(Socket::wait_write, asio::deferred))> waits;
    for (auto& each : task.sockets)  // those that failed are closed, and fail again
      waits.push_back(each.async_wait(Socket::wait_write, asio::deferred));
    cancel_at(task, action.until);
    const auto [order, errors] =
        co_await make_parallel_group(std::move(waits))
            .async_wait(asio::experimental::wait_for_one_success(), asio::deferred);
    task.woken = base::Clock::now();
    const std::size_t first = std::find(errors.begin(), errors.end(), Error()) - errors.begin();
    if (first == tried) co_return;
    end_candidate(task, first, net::connect_outcome(task.sockets[first].native_handle()).error);
  }

  void try_address(Task& task, const net::Address& address) {
    base::Fd opened = net::open_socket(address.family(), net::Blocking::no);
    Error error(opened ? 0 : errno, boost::system::system_category());
    auto& socket = task.sockets.emplace_back(io_);
    if (!error) socket.assign({address.family(), IPPROTO_TCP}, opened.get(), error);
    if (!error) {
      const auto started = net::start_connect(opened.release(), address);
      if (started.status == net::IoStatus::would_block) return;
      error = started.error;
    }
    if (task.fetch.may_begin_anew(error) && !queue_.alone()) task.shortage = error;
    if (!task.shortage) end_candidate(task, task.sockets.size() - 1, error);
  }

  static void end_candidate(Task& task, std::size_t index, std::error_code error) {
    const auto candidate = task.fetch.connect_ended(index, error, base::Clock::now());
    if (candidate == Candidate::failed) return task.sockets[index].close();
    std::swap(task.sockets.front(), task.sockets[index]);
    task.sockets.erase(task.sockets.begin() + 1, task.sockets.end());
  }

  Awaitable act(Task& task, const Transfer& action) {
    if (action.max == 0) co_return co_await sleep(task, action.until);
    cancel_at(task, action.until);
    if (!action.unsent.empty()) co_return co_await send_and_receive(task);
    std::array<char, line_room> line;
    const asio::mutable_buffer room = asio::buffer(line, action.max);
    auto& socket = task.sockets[0];
    const auto [error, bytes] = co_await socket.async_receive(room, as_values);
    const base::TimePoint now = task.woken = base::Clock::now();
    if (error == asio::error::operation_aborted) co_return;
    const Error failure = error == asio::error::eof ? Error() : error;
    SocketIo::deliver(task.fetch, observer_, {line.data(), bytes}, failure, now);
    if (bytes == line.size()) socket_io_.receive(task.fetch, socket.native_handle(), now);
  }

  Awaitable send_and_receive(Task& task) {
    auto& socket = task.sockets[0];
    const auto [order, unreadable, unwritable] =
        co_await make_parallel_group(socket.async_wait(Socket::wait_read, asio::deferred),
                                     socket.async_wait(Socket::wait_write, asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::deferred);
    const base::TimePoint now = task.woken = base::Clock::now();
    if (!unwritable) SocketIo::send(task.fetch, socket.native_handle());
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
    co_return task.fetch.half_closed(base::Clock::now());
  }

  Awaitable act(Task& task, const Wait& action) {
    task.sockets.clear();
    if (!action.for_turn) observer_.retrying(task.fetch.task(), task.fetch.record(), action.delay);
    co_return co_await sleep(task, action.until);
  }

  Awaitable sleep(Task& task, base::TimePoint until) {
    Timer timer(io_, until);
    co_await timer.async_wait(asio::deferred);
    task.woken = base::Clock::now();
  }

  Awaitable act(Task&, const Done&) { co_return; }

  void take_signals() {
    if (!signals_.take()) return;
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
  std::map<std::size_t, Task*> tasks_;                       // in flight
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};  // one thread; owns the coroutines
  Timer ended_{io_, base::never};  // cancelled when a task has ended, over at a turn
  Borrowed names_{io_, resolver_.fd()};
  Borrowed news_{io_, signals_.fd()};
};

}  // namespace

Result run_asio(const Batch& batch, Observer& observer, net::Signals& signals) {
  return AsioRun(batch, observer, signals).run();
}

}  // namespace poetry::fetch
