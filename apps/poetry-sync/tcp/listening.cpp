#include "tcp/listening.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "net/inherited_listeners.hpp"
#include "net/socket.hpp"

namespace poetry::sync::tcp {
namespace {

constexpr int backlog = 1024;  // pages that come back at once after a restart

std::vector<net::Address> addresses_of(const net::HostPort& where) {
  const auto found = net::resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  return found.addresses;
}

bool is_of_this_machine(const net::Address& address) {
  if (address.family() == AF_INET6) return address.host() == "::1";
  const auto* const ipv4 = reinterpret_cast<const sockaddr_in*>(address.data());
  return ntohl(ipv4->sin_addr.s_addr) >> 24U == IN_LOOPBACKNET;
}

}  // namespace

std::vector<base::Fd> listen_at(const std::vector<net::HostPort>& places) {
  auto inherited = net::inherited_listeners();
  std::vector<base::Fd> listeners;
  for (const auto& each : places) listeners.push_back(net::take_listener_at(each, inherited));
  net::refuse_left_over(inherited);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (listeners[i]) {
      net::adopt_listener(listeners[i].get(), backlog);
    } else {
      listeners[i] = net::listen_on(addresses_of(places[i]).front(), backlog);
    }
  }
  return listeners;
}

bool is_loopback(const std::string& host) {
  return std::ranges::all_of(addresses_of({host, 0}), is_of_this_machine);
}

}  // namespace poetry::sync::tcp
