// Listeners that whoever started this process has bound for it, as sd_listen_fds(3) describes: so a
// port below 1024 takes no privileges, and connections may come before the process does. Free
// functions; the listeners are the caller's.
#pragma once

#include <vector>

#include "base/fd.hpp"
#include "net/address.hpp"

namespace poetry::net {

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
