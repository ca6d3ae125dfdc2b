#include "listening.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "base/fd.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

constexpr int backlog = 1024;  // pages that come back at once after a restart

std::vector<Address> addresses_of(const HostPort& where) {
  const auto found = resolve(where);
  if (found.addresses.empty()) throw std::system_error(found.error, "resolve " + where.host);
  return found.addresses;
}

bool is_of_this_machine(const Address& address) {
  if (address.family() == AF_INET6) return address.host() == "::1";
  const auto* const ipv4 = reinterpret_cast<const sockaddr_in*>(address.data());
  return ntohl(ipv4->sin_addr.s_addr) >> 24U == IN_LOOPBACKNET;
}

}  // namespace

Acceptor listening(boost::asio::io_context& io, const HostPort& where) {
  const auto address = addresses_of(where).front();
  auto socket = listen_on(address, backlog);
  using boost::asio::ip::tcp;
  Acceptor acceptor(io);
  acceptor.assign(address.family() == AF_INET6 ? tcp::v6() : tcp::v4(), socket.get());
  static_cast<void>(socket.release());
  return acceptor;
}

bool is_loopback(const std::string& host) {
  const auto addresses = addresses_of({host, 0});
  return std::all_of(addresses.begin(), addresses.end(), is_of_this_machine);
}

}  // namespace poetry
