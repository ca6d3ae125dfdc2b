#include "net/service_manager.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "base/environment.hpp"
#include "base/log.hpp"

namespace poetry::net {

ServiceManager::ServiceManager() {
  const auto name = base::take_variable("NOTIFY_SOCKET");
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

}  // namespace poetry::net
