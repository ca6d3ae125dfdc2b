// What a worker process does: it serves with an engine of its own on listeners of its own, and
// obeys its parent, from which it was forked. How the two talk:
//
// The parent sends orders, a byte each, through a pipe; the end of the pipe, which also a killed
// parent leaves behind, is the order to stop. What the worker has done stands in shared memory, and
// a descriptor (eventfd(2)), one for all workers, has the parent look.
//
// All signals that the server reads stay blocked in a worker, so that one sent to the whole process
// group, by a terminal's ^C or a service manager, is the parent's affair.
#pragma once

#include <atomic>
#include <cstdint>

#include "serving.hpp"

namespace poetry::server {

enum class Order : char { serve = 's', reload = 'r', drain = 'd', stop = 'q' };

/// What the parent learns of its worker, in memory that both share.
struct WorkerNews {
  std::atomic<std::uint64_t> reloads{0};   ///< orders to reload that are carried out
  std::atomic<std::uint64_t> refusals{0};  ///< of them, after which the old poems stayed
};

class Worker : public engine::Host {
 public:
  /// `orders` is the pipe's end, non-blocking. Borrows all of them.
  Worker(Serving& serving, WorkerNews& news, int orders, int wakeup)
      : serving_(serving), news_(news), orders_(orders), wakeup_(wakeup) {}

  /// Waits for the order to serve, then serves until it is told to end.
  void run();

  engine::Command control() override;
  engine::Command ended(const engine::Ended& connection) override;

 private:
  void end_reload();
  void wake_parent() const;

  Serving& serving_;
  WorkerNews& news_;
  int orders_;
  int wakeup_;
  std::uint64_t reload_orders_ = 0;  // that are not carried out
};

}  // namespace poetry::server
