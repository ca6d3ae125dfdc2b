// Runs the tasks of a batch in one event loop: it begins them, brings them the names that they ask
// for, interrupts them at a signal and puts them away. Owned by a strategy for one run; how bytes
// are moved is its transport's affair.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "fetch/resolver.hpp"
#include "fetch/task.hpp"
#include "fetch/task_queue.hpp"

namespace poetry::fetch {

class Runner {
 public:
  /// The client's deadlines are met within so much of their time.
  static constexpr base::Duration tick = std::chrono::milliseconds(1);

  /// Borrows all of them for its life. Raises std::system_error.
  Runner(reactor::EventLoop& loop, Transport& transport, const Batch& batch, Observer& observer,
         net::Signals& signals);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() { loop_.wake_at(starter_, base::never); }

  /// As Strategy::run(). Call it once; the loop makes no turn after that.
  Result run();

  /// The task lacks what this error says. True where it is put away, to begin anew later: not where
  /// no other task would give it back.
  bool put_back(Task& task, std::error_code error);
  /// The task is over; its sockets are closed. It is not destroyed in this call.
  void over(Task& task);

 private:
  void start_some();
  void interrupt();
  void retire(Task& task);

  net::Signals& signals_;
  reactor::EventLoop& loop_;
  Resolver resolver_;
  TaskQueue queue_;
  Task::Context context_;
  reactor::Callback starter_{[this] { start_some(); }};
  reactor::Callback answers_{[this] { resolver_.deliver(); }};
  reactor::Callback interruption_{[this] { interrupt(); }};
  std::map<std::size_t, std::unique_ptr<Task>> tasks_;  // in flight, by number
  std::vector<std::unique_ptr<Task>> retired_;          // freed once none of their code runs
};

}  // namespace poetry::fetch
