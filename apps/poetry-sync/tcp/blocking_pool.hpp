// Threads for what blocks, which is the database, so that the io_context's thread never does. A
// coroutine hands its work over, and goes on where it was with what came of it. Owned by main.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "tcp/coroutine.hpp"

namespace poetry::sync::tcp {

class BlockingPool {
 public:
  BlockingPool(boost::asio::io_context& io, std::size_t threads) : io_(io), threads_(threads) {}

  /// What `work` returns or throws, once a thread has run it. The io_context has work until then.
  template <typename Work>
  Coroutine<std::invoke_result_t<Work&>> run(Work work);

  /// Waits for the threads; nothing may be handed over any more.
  void join() { threads_.join(); }

 private:
  boost::asio::io_context& io_;
  boost::asio::thread_pool threads_;
};

template <typename Work>
Coroutine<std::invoke_result_t<Work&>> BlockingPool::run(Work work) {
  std::optional<std::invoke_result_t<Work&>> result;
  std::exception_ptr failure;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): no coroutine
  const auto begin = [&](auto resume) {
    boost::asio::post(threads_, [&, resume = std::move(resume),
                                 running = boost::asio::make_work_guard(io_)]() mutable {
      try {
        result.emplace(work());
      } catch (...) {
        failure = std::current_exception();
      }
      boost::asio::post(io_, std::move(resume));
    });
  };
  co_await boost::asio::async_initiate<decltype(awaited), void()>(begin, awaited);
  if (failure) std::rethrow_exception(failure);
  co_return std::move(*result);
}

}  // namespace poetry::sync::tcp
