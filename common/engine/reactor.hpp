// The engine that never blocks, in one thread: every connection waits in one multiplexer.
#pragma once

#include <functional>
#include <memory>

#include "engine/engine.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry::engine {

/// The engine over such a multiplexer, one of which is made for each Engine::serve().
std::unique_ptr<Engine> make_reactor_engine(
    std::function<std::unique_ptr<reactor::Multiplexer>()> make_multiplexer);

}  // namespace poetry::engine
