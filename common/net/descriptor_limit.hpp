// RLIMIT_NOFILE: how many descriptors this process may have open.
#pragma once

#include <cstdint>

namespace poetry::net {

/// Raises the soft limit to the hard one (getrlimit(2)) and returns the limit then in force.
std::uint64_t raise_descriptor_limit();

}  // namespace poetry::net
