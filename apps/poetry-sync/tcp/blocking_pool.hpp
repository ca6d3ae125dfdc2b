// Threads for what blocks, which is the database, so that the io_context's thread never does. A
// coroutine hands its work over, and goes on where it was with what came of it. Owned by main.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <type_traits>

#include "tcp/coroutine.hpp"

namespace poetry::sync::tcp {

class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : threads_(threads) {}

  /// What `work` returns or throws, once a thread has run it. The io_context of who awaits it has
  /// work until then.
  template <typename Work>
  Coroutine<std::invoke_result_t<Work&>> run(Work work) {
    using Executor = boost::asio::thread_pool::executor_type;
    using Running = boost::asio::awaitable<std::invoke_result_t<Work&>, Executor>;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): it is awaited here
    const auto running = [&work]() -> Running { co_return work(); };
    co_return co_await boost::asio::co_spawn(threads_, running, awaited);
  }

  /// Waits for the threads; nothing may be handed over any more.
  void join() { threads_.join(); }

 private:
  boost::asio::thread_pool threads_;
};

}  // namespace poetry::sync::tcp
