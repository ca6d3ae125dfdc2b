// The strategies there are. Only strategy.cpp, which knows them by name, and tests need this.
#pragma once

#include <functional>
#include <memory>

#include "fetch/strategy.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry::fetch {

/// One task after another, in the caller's thread.
std::unique_ptr<Strategy> make_sequential();

/// A thread for each task in flight. The observer is called in one of them at a time.
std::unique_ptr<Strategy> make_threads();

/// All tasks in one loop on non-blocking sockets; `make` gives the loop of each run its
/// multiplexer.
std::unique_ptr<Strategy> make_multiplexed_strategy(
    std::function<std::unique_ptr<reactor::Multiplexer>()> make);

/// A coroutine for each task, all of them on one io_context of Boost.Asio.
std::unique_ptr<Strategy> make_asio_strategy();

/// All tasks in one loop over an io_uring, which connects, sends and receives by itself. Only where
/// it was built in. Raises std::system_error where the kernel refuses.
std::unique_ptr<Strategy> make_uring_strategy();

}  // namespace poetry::fetch
