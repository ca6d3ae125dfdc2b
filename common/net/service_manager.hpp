// What the service manager that started this process, systemd or one that speaks like it, gives it
// and is told. It gives listeners, as sd_listen_fds(3) describes: so a port below 1024 takes no
// privileges, and connections may come before the process does; they are the caller's. It is told
// what state the process is in: a datagram to the socket that NOTIFY_SOCKET names, as sd_notify(3)
// describes. ServiceManager is owned by whoever serves; processes forked from it keep silent.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "net/address.hpp"

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

/// Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of the environment and, where they are meant
/// for this process, the descriptors from 3 on over, close-on-exec from now on; empty otherwise. To
/// be called once, before there are threads. Raises UsageError for a bad number, and
/// std::runtime_error where one is no TCP listener.
std::vector<base::Fd> inherited_listeners();

/// Takes the one out that is bound to this place, or to one of its addresses where it is a name;
/// empty where none is. For 0.0.0.0 that may be one at [::] which takes IPv4 as well, as a socket
/// unit has it that names a port alone. As it is: see adopt_listener().
base::Fd take_listener_at(const HostPort& place, std::vector<base::Fd>& listeners);

/// Raises std::runtime_error naming the first that nobody took, since clients would wait there for
/// ever.
void refuse_left_over(const std::vector<base::Fd>& listeners);

}  // namespace poetry::net
