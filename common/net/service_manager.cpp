#include "net/service_manager.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <system_error>

#include "base/log.hpp"
#include "base/quantity.hpp"
#include "net/socket.hpp"

namespace poetry::net {
namespace {

/// The value of a variable that is for this process alone, and is gone then; empty where it is not
/// set.
std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

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

ServiceManager::ServiceManager() {
  const auto name = take_variable("NOTIFY_SOCKET");
  if (name.empty()) return;
  const bool is_abstract = name.front() == '@';
  // An abstract name, unix(7), begins with a zero byte and needs none at its end.
  const auto length = name.size() + (is_abstract ? 0 : 1);
  if ((!is_abstract && name.front() != '/') || length > sizeof address_.sun_path) {
    base::log_warn("NOTIFY_SOCKET is no path or abstract name of a socket: {}", name);
    return;
  }
  address_.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), std::begin(address_.sun_path));
  if (is_abstract) address_.sun_path[0] = '\0';
  size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  socket_ = base::Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) {
    const std::error_code error(errno, std::generic_category());
    base::log_warn("open a socket to the service manager: {}", error.message());
  }
}

void ServiceManager::ready() {
  if (state_ != State::ready) enter(State::ready, "READY=1");
}

void ServiceManager::reloading(base::TimePoint now) {
  // Clock is CLOCK_MONOTONIC, by which a manager tells this reload from an earlier one.
  const auto age = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  enter(State::reloading, "RELOADING=1", "\nMONOTONIC_USEC=" + std::to_string(age.count()));
}

void ServiceManager::stopping() { enter(State::stopping, "STOPPING=1"); }

void ServiceManager::enter(State state, std::string_view what, const std::string& more) {
  if (state_ == State::stopping) return;
  state_ = state;
  if (!socket_) return;
  const auto text = std::string(what) + more;
  const auto* const address = reinterpret_cast<const sockaddr*>(&address_);
  if (::sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL, address, size_) < 0) {
    const std::error_code error(errno, std::generic_category());
    base::log_warn("tell the service manager {}: {}", what, error.message());
  }
}

std::vector<base::Fd> inherited_listeners() {
  const auto process = take_variable("LISTEN_PID");
  const auto count = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
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
