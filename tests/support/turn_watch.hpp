// Ends the program where one turn of an event loop takes longer than it may, and names whose: who
// waits there keeps all others waiting, which no test of its own sees. Part of the preset "watch":
// common/reactor/event_loop.cpp has one for each wake, and Asio for each handler
// (BOOST_ASIO_CUSTOM_HANDLER_TRACKING, boost/asio/detail/handler_tracking.hpp). Of Asio's those of
// the main thread count, since a thread_pool's are there to wait, and of poetry-sync's as well:
// each thread that fetches has one task, and waits until what it has is written.
#pragma once

#include <unistd.h>

#include <boost/core/demangle.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>

namespace poetry {

class TurnWatch {
 public:
  static constexpr auto longest = std::chrono::milliseconds(50);

  explicit TurnWatch(const std::type_info& who) : who_(who) {}
  TurnWatch(const TurnWatch&) = delete;
  TurnWatch& operator=(const TurnWatch&) = delete;
  ~TurnWatch() {
    if (Clock::now() - begun_ <= longest || may_wait()) return;
    // Time in which others had the processor is not its own (proc(5), schedstat).
    const auto taken = Clock::now() - begun_ - (delayed() - delayed_);
    if (taken <= longest) return;
    const auto told = "a turn took " +
                      std::to_string(std::chrono::floor<std::chrono::milliseconds>(taken).count()) +
                      " ms in " + boost::core::demangle(who_.name()) + "\n";
    std::cerr << told << std::flush;
    if (const auto* const file = std::getenv("POETRY_TURNS"))  // what a test catches is not seen
      std::ofstream(file, std::ios::app) << told << std::flush;
    std::abort();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static bool may_wait() {
    return ::getpid() != ::gettid() &&
           program_invocation_short_name == std::string_view("poetry-sync");
  }
  /// How long this thread was ready and not run, in all.
  static std::chrono::nanoseconds delayed() {
    std::ifstream told("/proc/thread-self/schedstat");
    long run = 0;
    long delay = 0;
    told >> run >> delay;
    return std::chrono::nanoseconds(delay);
  }

  const std::type_info& who_;  // a waiter may be gone by the end
  std::chrono::nanoseconds delayed_ = delayed();
  Clock::time_point begun_ = Clock::now();
};

/// Of one of Asio's operations, whose type has the handler's in it.
class AsioTurnWatch {
 public:
  template <typename Operation>
  explicit AsioTurnWatch(const Operation&) {
    if (::getpid() == ::gettid()) watch_.emplace(typeid(Operation));
  }

 private:
  std::optional<TurnWatch> watch_;
};

}  // namespace poetry

// What Asio asks of who tracks its handlers.
#define BOOST_ASIO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_ALSO_INHERIT_TRACKED_HANDLER
#define BOOST_ASIO_HANDLER_TRACKING_INIT (void)0
#define BOOST_ASIO_HANDLER_LOCATION(args) (void)0
#define BOOST_ASIO_HANDLER_CREATION(args) (void)0
#define BOOST_ASIO_HANDLER_COMPLETION(args) const ::poetry::AsioTurnWatch asio_turn_watch args
#define BOOST_ASIO_HANDLER_INVOCATION_BEGIN(args) (void)0
#define BOOST_ASIO_HANDLER_INVOCATION_END (void)0
#define BOOST_ASIO_HANDLER_OPERATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_REGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_DEREGISTRATION(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_READ_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_WRITE_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_ERROR_EVENT 0
#define BOOST_ASIO_HANDLER_REACTOR_EVENTS(args) (void)0
#define BOOST_ASIO_HANDLER_REACTOR_OPERATION(args) (void)0
