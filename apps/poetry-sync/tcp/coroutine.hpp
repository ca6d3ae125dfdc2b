// What the coroutines of both ports are written with: Asio's types over the io_context's own
// executor, which takes less of a connection than one of any type, as Asio's defaults are.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <new>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace poetry::sync::tcp {

using Error = boost::system::error_code;

using IoExecutor = boost::asio::io_context::executor_type;

template <typename T>
using Coroutine = boost::asio::awaitable<T, IoExecutor>;

using TcpSocket = boost::asio::ip::tcp::socket::rebind_executor<IoExecutor>::other;

using SteadyTimer = boost::asio::steady_timer::rebind_executor<IoExecutor>::other;

/// Says that an operation is awaited: `co_await timer.async_wait(awaited)`, which throws its error.
inline constexpr boost::asio::use_awaitable_t<IoExecutor> awaited;

/// The same, but the error is put there instead of thrown.
inline auto into(boost::system::error_code& error) {
  return boost::asio::redirect_error(awaited, error);
}

/// Has a coroutine go on by itself; what it raises leaves the io_context's run().
inline void spawn(boost::asio::io_context& io, Coroutine<void> coroutine) {
  boost::asio::co_spawn(io, std::move(coroutine), [](const std::exception_ptr& raised) {
    if (raised) std::rethrow_exception(raised);
  });
}

/// A thread_pool whose threads are started one by one: Asio's own constructor waits for ever for
/// those that have begun, where another cannot be had.
class ThreadPool : public boost::asio::thread_pool {
 public:
  /// Raises std::system_error, once those that have begun have ended, as the destructor has it.
  explicit ThreadPool(std::size_t threads) try : ThreadPool() {
    while (threads_.size() < threads) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(), "start a thread for the database");
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() { stop(); }

 private:
  ThreadPool() : thread_pool(0) {}
  /// An answer that finds no memory is lost; who waits for it has a timeout.
  void work() {
    try {
      return attach();
    } catch (const std::bad_alloc&) {
      base::log_error("out of memory");
    }
    work();
  }
  std::vector<std::jthread> threads_;
};

/// What `work` returns or throws, once a thread of the pool has run it: so what blocks, which is to
/// ask the database, never does so in the io_context's thread. The io_context of who awaits it has
/// work until then.
template <typename Work>
Coroutine<std::invoke_result_t<Work&>> run_in(boost::asio::thread_pool& pool, Work work) {
  using Executor = boost::asio::thread_pool::executor_type;
  using Running = boost::asio::awaitable<std::invoke_result_t<Work&>, Executor>;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): it is awaited here
  const auto running = [&work]() -> Running { co_return work(); };
  co_return co_await boost::asio::co_spawn(pool, running, awaited);
}

}  // namespace poetry::sync::tcp
