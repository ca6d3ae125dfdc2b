#include "net/inherited_listeners.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "base/environment.hpp"
#include "base/quantity.hpp"
#include "net/socket.hpp"

namespace poetry::net {
namespace {

constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START

int option_of(int socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  ::getsockopt(socket, level, name, &value, &size);
  return value;
}

bool is_tcp_listener(int fd) {
  return option_of(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
         option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

bool serves(int listener, const Address& address) {
  const auto bound = local_address(listener);
  if (bound == address) return true;
  return bound.port() == address.port() && bound.host() == "::" && address.host() == "0.0.0.0" &&
         option_of(listener, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

}  // namespace

std::vector<base::Fd> inherited_listeners() {
  const auto process = base::take_variable("LISTEN_PID");
  const auto count = base::take_variable("LISTEN_FDS");
  base::take_variable("LISTEN_FDNAMES");
  std::vector<base::Fd> listeners;
  if (process != std::to_string(::getpid())) return listeners;
  const auto max = std::numeric_limits<int>::max() - first_inherited;
  const auto end =
      first_inherited + static_cast<int>(base::parse_count(count, "LISTEN_FDS", 0, max));
  for (int fd = first_inherited; fd < end; ++fd) {  // before any of them is ours to close
    if (!is_tcp_listener(fd)) {
      throw std::runtime_error("inherited descriptor " + std::to_string(fd) +
                               " is no TCP listener (LISTEN_FDS=" + count + ")");
    }
  }
  for (int fd = first_inherited; fd < end; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    listeners.emplace_back(fd);
  }
  return listeners;
}

base::Fd take_listener_at(const HostPort& place, std::vector<base::Fd>& listeners) {
  if (listeners.empty()) return {};  // asks no resolver for nothing
  for (const auto& address : resolve(place).addresses) {
    const auto is_its = [&](const base::Fd& each) { return serves(each.get(), address); };
    const auto found = std::find_if(listeners.begin(), listeners.end(), is_its);
    if (found == listeners.end()) continue;
    base::Fd taken = std::move(*found);
    listeners.erase(found);
    return taken;
  }
  return {};
}

void refuse_left_over(const std::vector<base::Fd>& listeners) {
  if (listeners.empty()) return;
  throw std::runtime_error("nothing is to be served at the inherited listener " +
                           to_string(local_address(listeners.front().get())));
}

}  // namespace poetry::net
