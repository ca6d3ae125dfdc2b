// Tells the service manager that started this process, systemd or one that speaks like it, what
// state it is in: a datagram to the socket that NOTIFY_SOCKET names, as sd_notify(3) describes.
// Owned by whoever serves; processes forked from it keep silent.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace poetry::net {

class ServiceManager {
 public:
  /// Takes NOTIFY_SOCKET out of the environment, since no child may speak for this process; to be
  /// made before there are threads. Where it is not set, nothing is ever sent.
  ServiceManager();

  // None of them blocks, and each may be called again in the same state, which sends nothing. What
  // cannot be sent is logged, since serving matters more than telling of it.
  void ready();
  void reloading(base::TimePoint now);  ///< until it is ready() again
  void stopping();                      ///< the last that is said

 private:
  enum class State { starting, ready, reloading, stopping };

  void enter(State state, std::string_view what, const std::string& more = {});

  State state_ = State::starting;
  base::Fd socket_;  // kept, so that the end can be told when no descriptor is left
  sockaddr_un address_{};
  socklen_t size_ = 0;
};

}  // namespace poetry::net
