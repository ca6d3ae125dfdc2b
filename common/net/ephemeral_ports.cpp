#include "net/ephemeral_ports.hpp"

#include <fstream>

namespace poetry::net {

PortRange ephemeral_ports() {
  PortRange range;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  if (std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last)
    range = {first, last};
  return range;
}

}  // namespace poetry::net
