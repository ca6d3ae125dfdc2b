// The worker processes of a server: started together, given orders, replaced when they die, and
// waited for. Owned by the server, in the parent process, which has no thread but one; workers that
// are left when it goes are killed.
//
// Each worker has its own listener at every port, and the parent keeps all of them open: while a
// worker is replaced, its connections wait in the backlog, and its successor accepts them.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "restart_policy.hpp"
#include "worker.hpp"

namespace poetry::server {

class Workers {
 public:
  /// Borrows what they serve. `forked` gives up what is the parent's alone, in each process.
  Workers(Serving& serving, std::function<void()> forked);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers();

  /// Makes all processes or, raising std::system_error, none. They wait until they are to serve.
  void start();
  void serve() { tell(Order::serve); }

  /// The serving has read its poems again: so do the workers. look() logs when all have.
  void reload();
  [[nodiscard]] bool reloading() const { return reloads_logged_ != reloads_; }
  /// Has all of them obey a control line, of at most largest_order - 1 bytes.
  void ask(std::string_view line);
  /// Whether all that are alive have, or the time for it is over.
  [[nodiscard]] bool answered() const;
  /// Their replies; in the place of one that did not come, an error.
  [[nodiscard]] std::vector<std::string> answers() const;
  /// Workers accept no more, and end when their connections have. Each of the two may be repeated.
  void drain();
  void stop();

  /// Does what is due: buries the dead, starts who is to replace them, drains when enough
  /// connections have ended. To be called after each signal, whenever wakeup() is readable, and at
  /// due() at the latest.
  void look();
  [[nodiscard]] int wakeup() const { return wakeup_.get(); }
  [[nodiscard]] base::TimePoint due() const;

  /// Whether they were told to drain or stop, by whomever.
  [[nodiscard]] bool ending() const { return ending_ != Ending::no; }
  /// Whether all have ended that were to end.
  [[nodiscard]] bool gone() const;
  /// Whether they end because one died again and again.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  /// Where one worker after the other serves on the same listeners.
  struct WorkerSlot {
    std::size_t number = 0;          // from 1, for the log
    pid_t pid = -1;                  // -1: nobody is there
    base::Fd orders;                 // our end of the socket
    std::deque<std::string> unsent;  // orders that found no room there
    base::Fd answers;                // a file that each of them writes
    base::TimePoint started;
    base::TimePoint due = base::never;  // when the next one is to start
    RestartPolicy policy;
    std::shared_ptr<WorkerNews> news;
    Ports::Holding holding;  // how many connections it holds
    std::uint64_t left = 0;  // of them, as it was last found to be ending them
  };
  enum class Ending { no, draining, stopping };

  void fill(WorkerSlot& slot);
  [[noreturn]] void be_worker(const WorkerSlot& slot, base::Fd orders) noexcept;
  void tell(Order order, std::string_view text = {});
  static void send(WorkerSlot& slot, Order order, std::string_view text = {});
  static void send_orders(WorkerSlot& slot);
  void destroy(WorkerSlot& slot, int status);
  void replace(WorkerSlot& slot, base::Duration lived);
  void end(Ending ending, Order order, base::TimePoint until);
  void look_at_reload();

  Serving& serving_;
  std::function<void()> forked_;
  base::Fd wakeup_;
  std::vector<WorkerSlot> slots_;
  std::uint64_t reloads_ = 0;  // ordered
  std::uint64_t reloads_logged_ = 0;
  std::uint64_t asked_ = 0;                    // control lines
  base::TimePoint answered_at_ = base::never;  // the last one, at the latest
  Ending ending_ = Ending::no;
  base::TimePoint kill_at_ = base::never;
  bool failed_ = false;
};

}  // namespace poetry::server
