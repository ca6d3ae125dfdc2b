// A piece of work in a process of its own, so that its memory and processor time are its own:
// forked now, begun when asked, its answer a stream of bytes. Owned by who wants the answer.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/fd.hpp"
#include "net/signals.hpp"
#include "output/background_writer.hpp"
#include "report/report.hpp"

namespace poetry::get {

class Apart {
 public:
  /// Gives the answer to the sink, in pieces. What it raises before, run() raises.
  using Work = std::function<void(const output::Sink&)>;

  /// Forks; the work begins with run(). All that are forked before the first begins start from
  /// the same memory; `earlier` are those already there, of which this one keeps nothing. Raises
  /// std::system_error. Only for a process without other threads.
  explicit Apart(const Work& work, std::span<const std::unique_ptr<Apart>> earlier = {});
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;
  /// Ends the process where it has not ended yet.
  ~Apart();

  /// Has the work done; its answer goes to `answer` as it comes, in pieces of any size. A signal
  /// that waits in `signals` meanwhile is passed on to the process, which ends by itself. Raises
  /// std::runtime_error with the message of what the work raised, or that its process ended before
  /// it had answered. A process that a closed pipe ends takes this one along. Call it once.
  void run(net::Signals& signals, const output::Sink& answer);
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Whether a signal was passed on, or waits after run(): a terminal sends it to all processes.
  bool signalled();

 private:
  std::string receive(const output::Sink& answer);
  int wait();

  pid_t pid_ = -1;
  base::Fd socket_;  // to the process: at its end, nobody holds the other one
  net::Signals* signals_ = nullptr;
  bool signalled_ = false;
};

/// A run as such an answer, only for processes of the same program: all of it but its engine and
/// servers, in pieces of some 64 KiB. Exact, also in its times: the clock is the machine's.
void pack(report::Run run, const output::Sink& sink);

/// Puts the run together again as its bytes come, in pieces of any size, so that they never stand
/// beside it as a whole.
output::Sink unpack_into(report::Run& run);

}  // namespace poetry::get
