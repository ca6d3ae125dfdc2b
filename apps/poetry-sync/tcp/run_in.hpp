// How a coroutine has done what blocks, which is to ask the database, so that the io_context's
// thread never does. A free function.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <type_traits>

#include "tcp/coroutine.hpp"

namespace poetry::sync::tcp {

/// What `work` returns or throws, once a thread of the pool has run it. The io_context of who
/// awaits it has work until then.
template <typename Work>
Coroutine<std::invoke_result_t<Work&>> run_in(boost::asio::thread_pool& pool, Work work) {
  using Executor = boost::asio::thread_pool::executor_type;
  using Running = boost::asio::awaitable<std::invoke_result_t<Work&>, Executor>;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): it is awaited here
  const auto running = [&work]() -> Running { co_return work(); };
  co_return co_await boost::asio::co_spawn(pool, running, awaited);
}

}  // namespace poetry::sync::tcp
