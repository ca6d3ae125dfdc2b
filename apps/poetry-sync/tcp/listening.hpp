// Listeners of the page and the control port. Free functions.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "net/address.hpp"

namespace poetry::sync::tcp {

/// A listener for each of these places, at the first address of a name; those that this process
/// inherited are taken, see inherited_listeners(). Raises std::system_error naming the place, and
/// what is raised for inherited ones.
std::vector<base::Fd> listen_at(const std::vector<net::HostPort>& places);

/// Whether all of a host's addresses are those of this machine alone. Asks the resolver.
bool is_loopback(const std::string& host);

}  // namespace poetry::sync::tcp
