// Runs the tasks of a batch in one event loop: it begins them, brings them the names that they ask
// for, interrupts them at a signal and puts them away. Owned by a strategy for one run; how bytes
// are moved is its transport's affair.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "fetch/resolver.hpp"
#include "fetch/task_queue.hpp"
#include "reactor/event_loop.hpp"

namespace poetry::fetch {

class Runner;
class Task;

/// A socket of a task, from the begin of its connecting until it is closed.
struct TaskSocket {
  TaskSocket(base::Fd made, Task& whose, std::size_t at)
      : fd(std::move(made)), task(whose), index(at) {}
  virtual ~TaskSocket() = default;

  base::Fd fd;
  Task& task;                            ///< not once it is closed
  const std::size_t index;               ///< of its address, among those of the task
  std::optional<std::error_code> ended;  ///< what its connecting came to, where that was at once
};

/// Who moves the bytes of the tasks in flight: over a multiplexer, or over an io_uring. Owned by a
/// strategy for one run, like the tasks, which it tells what came of their sockets.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Begins to connect a socket that does not block. Unless it ends at once, Task::connect_ended()
  /// comes later. May raise std::bad_alloc, std::system_error.
  virtual std::unique_ptr<TaskSocket> connect(base::Fd socket, Task& task, std::size_t index,
                                              const net::Address& address) = 0;
  /// Sends and receives what the task's fetch now asks for, as soon as that goes, and tells the
  /// fetch; then comes Task::advance(). May raise as connect() does.
  virtual void transfer(TaskSocket& connected, const Transfer& what) = 0;
  /// Ends whatever goes on with the socket and closes it, also in the middle of a call of its task.
  virtual void close(std::unique_ptr<TaskSocket> socket) = 0;
};

/// A task in flight: it does what its fetch says next, and tells it what came of that. Its runner
/// outlives it.
class Task final : private reactor::Waiter {
 public:
  Task(Runner& runner, std::size_t number);
  ~Task() override { let_go(); }

  [[nodiscard]] Fetch& fetch() { return fetch_; }

  /// Does what the fetch says next, until that takes time. Starts the task, and goes on with it
  /// once the fetch was told something.
  void advance();
  /// What the connecting of a socket came to.
  void connect_ended(const TaskSocket& socket, std::error_code error, base::TimePoint now);
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

  Runner& runner_;
  Fetch fetch_;
  std::vector<std::unique_ptr<TaskSocket>> candidates_;  // to connect, by the index of their
                                                         // address; empty once closed
  std::unique_ptr<TaskSocket> connection_;
  std::uint64_t ticket_ = 0;  // of the name that it asked for last
};

class Runner {
 public:
  /// The client's deadlines are met within so much of their time.
  static constexpr base::Duration tick = std::chrono::milliseconds(1);

  /// Borrows all of them for its life. Raises std::system_error.
  Runner(reactor::EventLoop& loop, Transport& transport, const Batch& batch, Observer& observer,
         net::Signals& signals);

  /// As Strategy::run(). Call it once; the loop makes no turn after that.
  Result run();

 private:
  friend Task;

  void start_some();
  void interrupt();
  /// Puts a task away, with its sockets closed. It is not destroyed in this call.
  void retire(Task& task);

  const Batch& batch_;
  Observer& observer_;
  net::Signals& signals_;
  reactor::EventLoop& loop_;
  Transport& transport_;
  Resolver resolver_;
  TaskQueue queue_;
  reactor::Callback starter_{[this] { start_some(); }};
  reactor::Callback answers_{[this] { resolver_.deliver(); }};
  reactor::Callback interruption_{[this] { interrupt(); }};
  std::map<std::size_t, std::unique_ptr<Task>> tasks_;  // in flight, by number
  std::vector<std::unique_ptr<Task>> retired_;          // freed once none of their code runs
};

}  // namespace poetry::fetch
