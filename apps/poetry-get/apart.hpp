// A piece of work in a process of its own, so that its memory and processor time are its own:
// forked now, begun when asked, its answer read from a pipe. Owned by who wants the answer.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "net/signals.hpp"
#include "output/sink.hpp"

namespace poetry::get {

class Apart {
 public:
  /// Does the work, then hands over its answer. What it raises before that, read() raises.
  using Work = std::function<void(const output::Sink& answer)>;

  /// Forks; the work begins with begin(). All that are forked before the first begins start from
  /// the same memory; `earlier` are those already there, of which this one keeps nothing. Raises
  /// std::system_error. Only for a process without other threads.
  Apart(const Work& work, std::vector<Apart>& earlier);
  Apart(Apart&& other) noexcept;
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;
  Apart& operator=(Apart&&) = delete;
  /// Ends the process where it has not ended yet.
  ~Apart();

  /// From here on a signal that waits in `signals` is passed on to the process, which ends by
  /// itself.
  void begin(net::Signals& signals);
  /// The next bytes of the answer, all of them. Raises std::system_error, and std::runtime_error
  /// with the message of what the work raised, or that its process ended before it had answered. A
  /// process that a closed pipe ends takes this one along.
  void read(std::span<char> bytes);
  /// Waits for the process's end. Raises as read() does.
  void finish();
  /// Whether a signal was passed on, or waits: a terminal sends it to all processes.
  bool signalled();

 private:
  void wait();
  bool refill();
  [[noreturn]] void complain();

  pid_t pid_ = -1;
  int status_ = 0;  // as waitpid(2) gives it
  base::Fd begin_;
  base::Fd answer_;
  net::Signals* signals_ = nullptr;
  std::vector<char> buffer_;
  std::span<char> unread_;
  bool signalled_ = false;
  bool marked_ = false;  // whether it is known if an answer or a complaint comes
};

}  // namespace poetry::get
