// The engine that waits for nothing: in rounds it tries everything again, every listener, every
// service and every connection, and naps in between. A part of the tests: it shows what an engine
// has to do, in the fewest lines, and runs every service like the others. It spends processor time
// even when nothing happens, and more with each connection: what the other engines are there for.
#pragma once

#include "engine/engine.hpp"

namespace poetry::conformance {

engine::Engine make_toy_engine();

}  // namespace poetry::conformance
