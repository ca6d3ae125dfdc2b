// How many connections an engine can hold before it runs into a limit of the process or machine.
#pragma once

#include "engine/engine.hpp"

namespace poetry {

/// By descriptors, one a connection beside those that are open now.
Capacity descriptor_capacity();

}  // namespace poetry
