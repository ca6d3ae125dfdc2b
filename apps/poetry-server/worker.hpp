// What a worker process does: it serves with an engine of its own on listeners of its own, and
// obeys its parent, from which it was forked. How the two talk:
//
// The parent sends orders through a socket, each a message of a letter and, of a control line, its
// text; the end of the stream, which also a killed parent leaves behind, is the order to stop. What
// the worker has done stands in shared memory, its last answer to a control line in a file without
// a name (memfd_create(2)), and a descriptor (eventfd(2)), one for all workers, has the parent
// look.
//
// All signals that the server reads stay blocked in a worker, so that one sent to the whole process
// group, by a terminal's ^C or a service manager, is the parent's affair.
#pragma once

#include <atomic>
#include <cstdint>

#include "serving.hpp"

namespace poetry::server {

enum class Order : char { serve = 's', reload = 'r', control = 'c', drain = 'd', stop = 'q' };

/// Of a message: a letter and a control line.
inline constexpr std::size_t largest_order = 4096;

/// What the parent learns of its worker, in memory that both share.
struct WorkerNews {
  std::atomic<std::uint64_t> reloads{0};   ///< orders to reload that are carried out
  std::atomic<std::uint64_t> refusals{0};  ///< of them, after which the old poems stayed
  std::atomic<std::uint64_t> answers{0};   ///< control lines that are answered
};

/// Waits for the order to serve, then serves until it is told to end. `orders` is the socket,
/// non-blocking, `answers` the file.
void run_worker(Serving& serving, WorkerNews& news, int orders, int wakeup, int answers);

}  // namespace poetry::server
