#include "net/limits.hpp"

#include <dirent.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "net/socket.hpp"

namespace poetry::net {
namespace {

class PortsTaken final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "local ports"; }
  [[nodiscard]] std::string message(int) const override {
    return "all local ports are taken (net.ipv4.ip_local_port_range)";
  }
  [[nodiscard]] std::error_condition default_error_condition(int) const noexcept override {
    return std::errc::no_buffer_space;
  }
};

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft;
}

std::vector<int> open_descriptors() {
  std::vector<int> open;
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc/self/fd"), ::closedir);
  while (const auto* const each = all ? ::readdir(all.get()) : nullptr)
    if (each->d_name[0] != '.') open.push_back(std::atoi(each->d_name));
  return open;
}

PortRange ephemeral_ports() {
  PortRange range;
  std::ifstream told("/proc/sys/net/ipv4/ip_local_port_range");
  if (!(told >> range.first >> range.last)) range = {};
  return range;
}

// A socket of UDP has ports of its own, and so tells whether it is for the address.
std::error_code explained(std::error_code connect_error, const Address& to) {
  static const PortsTaken ports_taken;
  if (connect_error != std::errc::address_not_available || route_to(to)) return connect_error;
  return {1, ports_taken};
}

}  // namespace poetry::net
