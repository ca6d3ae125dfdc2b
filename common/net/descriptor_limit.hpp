// The descriptors of this process: how many it may have open (RLIMIT_NOFILE), and which are.
#pragma once

#include <cstdint>
#include <vector>

namespace poetry::net {

/// Raises the soft limit to the hard one (getrlimit(2)) and returns the limit then in force.
std::uint64_t raise_descriptor_limit();

/// All that are open, with the one that lists them, which is closed again. None where /proc cannot
/// be read.
std::vector<int> open_descriptors();

}  // namespace poetry::net
