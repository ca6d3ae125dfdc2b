// The strategies there are. Only strategy.cpp, which knows them by name, and tests need this.
#pragma once

#include <functional>
#include <memory>

#include "fetch/strategy.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry {

/// One task after another on blocking sockets, in the caller's thread.
std::unique_ptr<Strategy> make_sequential();

/// All tasks in one loop on non-blocking sockets; `make` gives the loop of each run its
/// multiplexer.
std::unique_ptr<Strategy> make_reactor_strategy(std::function<std::unique_ptr<Multiplexer>()> make);

}  // namespace poetry
