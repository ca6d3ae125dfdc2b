// What the kernel has for this process: descriptors, how many it may have open (RLIMIT_NOFILE) and
// which are; and the ports that it gives to outgoing connections (ip(7), ip_local_port_range).
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <vector>

#include "net/address.hpp"

namespace poetry::net {

/// Raises the soft limit to the hard one (getrlimit(2)) and returns the limit then in force.
std::uint64_t raise_descriptor_limit();

/// All that are open, with the one that lists them, which is closed again. None where /proc cannot
/// be read.
std::vector<int> open_descriptors();

struct PortRange {
  std::uint32_t first = 1;
  std::uint32_t last = 0;

  [[nodiscard]] std::size_t size() const { return last < first ? 0 : last - first + 1; }
  [[nodiscard]] bool contains(std::uint32_t port) const { return first <= port && port <= last; }
};

/// Empty where the kernel does not say.
PortRange ephemeral_ports();

/// That all these ports are taken, where that is why connect(2) failed with EADDRNOTAVAIL; it is a
/// shortage. Other errors stay as they are.
std::error_code explained(std::error_code connect_error, const Address& to);

}  // namespace poetry::net
