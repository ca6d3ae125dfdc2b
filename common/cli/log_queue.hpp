// Where a log's lines wait until they are written, by a thread of its own and by one write(2) each,
// so that a reader who stands still (a pipe, a terminal) holds up nobody. Bounded: what finds no
// room is counted, and told once there is some. Owned by the process's logger.
#pragma once

#include <spdlog/common.h>

#include "base/fd.hpp"
#include "base/terminal.hpp"

namespace poetry::cli {

/// Takes lines in any thread, and in processes that are forked from this one: each has a queue.
/// flush() waits until all is written, but no longer than 300 ms. `file` may be non-blocking; it is
/// never closed.
spdlog::sink_ptr make_log_queue(base::Fd file, base::Colours colours);

}  // namespace poetry::cli
