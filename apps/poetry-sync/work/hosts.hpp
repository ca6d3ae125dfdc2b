// Where a job may connect: to the addresses that were checked, and to this machine only where the
// record itself names it. Free functions.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "net/address.hpp"

namespace poetry::sync::work {

/// What a name stands for, without loopback and link-local addresses: who has a name server answer
/// with these must not reach what listens on this machine alone. A number is what it says, and a
/// name of this machine (localhost, its own) what it stands for. Blocks.
net::Resolved look_up(const net::HostPort& where, net::Family family);

/// What each of some hosts stands for, looked up in threads of their own, all at once. Returns
/// before that where `go_on`, which is asked every now and then, is false.
std::map<std::string, net::Resolved> look_up_all(const std::set<std::string>& hosts,
                                                 const std::function<bool()>& go_on);

/// The addresses that both have; where the first has none, its error.
net::Resolved shared_addresses(net::Resolved one, const net::Resolved& other);

}  // namespace poetry::sync::work
