// How many connections an engine can hold before it runs into a limit of the process or machine.
// Every figure is of the moment: what runs and is open now is taken off where it can be known.
#pragma once

#include "engine/engine.hpp"

namespace poetry::engine {

/// Where the kernel says what its limits are; other places in tests.
struct LimitFiles {
  std::string proc = "/proc";
  std::string cgroups = "/sys/fs/cgroup";
};

/// By descriptors, one a connection beside those that are open now and `own` of the engine's.
Capacity descriptor_capacity(std::uint64_t own = 0);

/// By threads, one a connection, and by descriptors.
Capacity thread_capacity(std::uint64_t own_descriptors, const LimitFiles& files = {});

/// By processes, one a connection, and by descriptors.
Capacity process_capacity(std::uint64_t own_descriptors, const LimitFiles& files = {});

}  // namespace poetry::engine
