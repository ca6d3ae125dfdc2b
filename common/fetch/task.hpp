// A task in flight in a loop: it does what its fetch says next, and tells it what came of that.
// Owned by its runner, which outlives it, starts it, looks names up for it and puts it away.
#pragma once

#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include "fetch/fetch.hpp"
#include "fetch/resolver.hpp"
#include "fetch/strategy.hpp"
#include "fetch/transport.hpp"
#include "reactor/event_loop.hpp"

namespace poetry::fetch {

class Runner;

class Task final : private reactor::Waiter {
 public:
  /// What tasks share.
  struct Context {
    const Batch& batch;
    Observer& observer;
    Runner& runner;
    reactor::EventLoop& loop;
    Transport& transport;
    Resolver& resolver;
  };

  Task(Context& context, std::size_t number);
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() override { let_go(); }

  [[nodiscard]] Fetch& fetch() { return fetch_; }

  /// Does what the fetch says next, until that takes time. Starts the task, and goes on with it
  /// once the fetch was told something.
  void advance();
  /// What the connecting of a socket came to.
  void connect_ended(const TaskSocket& socket, std::error_code error, base::TimePoint now);
  void interrupt(base::TimePoint now);
  /// Closes what it has open and waits for nothing any more.
  void let_go();

 private:
  enum class Progress { waits, goes_on, over };

  void wake(reactor::Interest what) override;
  Progress act(const Resolve& action);
  Progress act(const Connect& action);
  Progress act(const Transfer& action);
  Progress act(const HalfClose&);
  Progress act(const Wait& action);
  Progress act(const Done&);
  void set_alarm(base::TimePoint until);
  Progress end_candidate(std::size_t index, std::error_code error, base::TimePoint now);
  void close(std::unique_ptr<TaskSocket> socket);
  void close_all();

  Context& context_;
  Fetch fetch_;
  std::vector<std::unique_ptr<TaskSocket>> candidates_;  // to connect, by the index of their
                                                         // address; empty once closed
  std::unique_ptr<TaskSocket> connection_;
  std::uint64_t ticket_ = 0;  // of the name that it asked for last
};

}  // namespace poetry::fetch
