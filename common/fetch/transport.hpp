// Who moves the bytes of the tasks in flight: over a multiplexer, or over an io_uring. Owned by a
// strategy for one run, like the tasks, which it tells what came of their sockets.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "fetch/fetch.hpp"

namespace poetry::fetch {

class Task;

/// A socket of a task, from the begin of its connecting until it is closed.
struct TaskSocket {
  TaskSocket(base::Fd made, Task& whose, std::size_t at)
      : fd(std::move(made)), task(whose), index(at) {}
  TaskSocket(const TaskSocket&) = delete;
  TaskSocket& operator=(const TaskSocket&) = delete;
  virtual ~TaskSocket() = default;

  base::Fd fd;
  Task& task;                            ///< not once it is closed
  const std::size_t index;               ///< of its address, among those of the task
  std::optional<std::error_code> ended;  ///< what its connecting came to, where that was at once
};

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

}  // namespace poetry::fetch
