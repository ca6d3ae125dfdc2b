// The strategies there are. Only strategy.cpp, which knows them by name, needs this.
#pragma once

#include "fetch/strategy.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry::fetch {

/// One task after another, in the caller's thread.
Result run_sequential(const Batch& batch, Observer& observer, net::Signals& signals);

/// A thread for each task in flight. The observer is called in one of them at a time.
Result run_threads(const Batch& batch, Observer& observer, net::Signals& signals);

/// All tasks in one loop over this multiplexer, on non-blocking sockets.
Result run_multiplexed(reactor::Multiplexer& multiplexer, const Batch& batch, Observer& observer,
                       net::Signals& signals);

/// A coroutine for each task, all of them on one io_context of Boost.Asio.
Result run_asio(const Batch& batch, Observer& observer, net::Signals& signals);

/// All tasks in one loop over an io_uring, which connects, sends and receives by itself. Only where
/// it was built in.
Result run_uring(const Batch& batch, Observer& observer, net::Signals& signals);

}  // namespace poetry::fetch
