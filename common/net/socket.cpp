#include "net/socket.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "net/limits.hpp"

namespace poetry::net {
namespace {

/// A peer that vanished without a word is noticed after two minutes, with a packet a minute.
constexpr int keepalive_idle = 60;
constexpr int keepalive_interval = 15;
constexpr int keepalive_probes = 4;

std::error_code last_error() { return {errno, std::generic_category()}; }

IoResult result_of(ssize_t count) {
  if (count >= 0) return {IoStatus::ok, static_cast<std::size_t>(count), {}};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::would_block, 0, {}};
  return {IoStatus::error, 0, last_error()};
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

/// What accepted connections inherit.
void set_connection_options(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

void require(bool done, const Address& address) {
  if (!done) base::throw_errno("listen on", to_string(address));
}

base::Fd make_listener(const Address& address, Families families) {
  base::Fd socket = open_socket(address.family(), Blocking::no);
  require(static_cast<bool>(socket), address);
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  const bool both = families == Families::both && address.host() == "::";
  if (address.family() == AF_INET6)
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, both ? 0 : 1);
  set_connection_options(socket.get());
  return socket;
}

/// What a packet's hop limit begins with at most (RFC 791, section 3.1; RFC 8200, section 3).
constexpr int first_hop = 255;

/// The listener drops what has a lower hop limit (the mechanism of RFC 5082; ip(7), IP_MINTTL).
void require_first_hop(int listener, const Address& address) {
  const bool ipv6 = address.family() == AF_INET6;
  if (::setsockopt(listener, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MINHOPCOUNT : IP_MINTTL,
                   &first_hop, sizeof first_hop) < 0) {
    base::throw_errno("listen in silence on", to_string(address));
  }
}

/// A connection to the listener takes the one place that a backlog of 0 has, and keeps it when it
/// is reset, since nobody accepts it.
void fill_backlog(int listener) {
  const auto address = local_address(listener);
  const base::Fd socket = open_socket(address.family(), Blocking::no);
  if (!socket) base::throw_errno("connect to", to_string(address));
  set_option(socket.get(), IPPROTO_IP, IP_TTL, first_hop);
  if (address.family() == AF_INET6)
    set_option(socket.get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, first_hop);
  start_connect(socket.get(), address);
  reset_on_close(socket.get());
}

/// The kernel answers no SYN then. Of a listener struct tcp_info says how many wait (tcpi_unacked)
/// and how many may (tcpi_sacked), as ss(8) shows it.
bool has_full_backlog(int listener) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_unacked > info.tcpi_sacked;
}

/// Linux passes on errors of a new connection that died in the queue (accept(2), "Error handling").
bool lost_before_accept(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
         error == EHOSTDOWN || error == EHOSTUNREACH || error == ENETUNREACH ||
         error == EOPNOTSUPP || error == ENONET || error == ENOPROTOOPT;
}

}  // namespace

base::Fd bind_to(const Address& address, Families families) {
  base::Fd socket = make_listener(address, families);
  require(::bind(socket.get(), address.data(), address.size()) == 0, address);
  return socket;
}

base::Fd listen_on(const Address& address, int backlog, Families families) {
  base::Fd socket = bind_to(address, families);
  require(::listen(socket.get(), backlog) == 0, address);
  return socket;
}

std::vector<base::Fd> listen_together(const Address& address, int backlog, std::size_t count,
                                      Families families) {
  std::vector<base::Fd> sockets;
  sockets.push_back(bind_to(address, families));
  const auto bound = local_address(sockets.front().get());
  while (sockets.size() < count) {
    // What the kernel looks at is both sockets' option when the later one is bound.
    set_option(sockets.front().get(), SOL_SOCKET, SO_REUSEPORT, 1);
    auto& socket = sockets.emplace_back(make_listener(bound, families));
    set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    require(::bind(socket.get(), bound.data(), bound.size()) == 0, bound);
  }
  for (const auto& socket : sockets) require(::listen(socket.get(), backlog) == 0, bound);
  return sockets;
}

std::string_view listening_remedy(const std::error_code& error) {
  if (error.category() == resolve_category()) return "check the name, or give a numeric address";
  if (error == std::errc::address_in_use)
    return "another process has it (ss -ltnp shows which): stop it, or choose another port";
  if (error == std::errc::permission_denied)
    return "ports that low need root or CAP_NET_BIND_SERVICE: choose one from 1024 on";
  if (error == std::errc::address_not_available)
    return "no interface here has this address: choose one that 'ip address' lists";
  return "choose another port or address";
}

void adopt_listener(int listener, int backlog) {
  int yes = 1;
  ::ioctl(listener, FIONBIO, &yes);
  set_connection_options(listener);
  require(::listen(listener, backlog) == 0, local_address(listener));
}

base::Fd listen_in_silence(const Address& address, Families families) {
  base::Fd socket = bind_to(address, families);  // as long as it does not listen, it refuses
  require_first_hop(socket.get(), address);
  require(::listen(socket.get(), 0) == 0, address);
  fill_backlog(socket.get());
  if (!has_full_backlog(socket.get())) {
    throw std::system_error(std::make_error_code(std::errc::connection_aborted),
                            "listen in silence on " + to_string(address));
  }
  return socket;
}

Address local_address(int socket) {
  Address address;
  socklen_t size = sizeof(sockaddr_in6);
  if (::getsockname(socket, address.data(), &size) < 0)
    base::throw_errno("name", "a listening socket");
  return address;
}

Accepted accept_from(int listener, Blocking blocking) {
  const int flags = SOCK_CLOEXEC | (blocking == Blocking::no ? SOCK_NONBLOCK : 0);
  for (;;) {
    Address peer;
    socklen_t size = sizeof(sockaddr_in6);
    base::Fd socket(::accept4(listener, peer.data(), &size, flags));
    if (socket) return {std::move(socket), peer.unmapped(), {}};
    if (!lost_before_accept(errno)) return {base::Fd{}, Address{}, last_error()};
  }
}

base::Fd open_socket(int family, Blocking blocking) {
  const int flags = SOCK_STREAM | SOCK_CLOEXEC | (blocking == Blocking::no ? SOCK_NONBLOCK : 0);
  return base::Fd(::socket(family, flags, 0));
}

void let_block(int socket) {
  int no = 0;
  ::ioctl(socket, FIONBIO, &no);
}

std::error_code route_to(const Address& address) {
  const base::Fd socket(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), address.data(), address.size()) < 0) return last_error();
  return {};
}

IoResult start_connect(int socket, const Address& address) {
  if (::connect(socket, address.data(), address.size()) == 0) return {};
  // A signal leaves the attempt under way. SO_SNDTIMEO on a blocking socket ends in EINPROGRESS,
  // the next time in EALREADY.
  if (errno != EINPROGRESS && errno != EALREADY && errno != EINTR)
    return {IoStatus::error, 0, explained(last_error(), address)};
  // Within this machine the handshake is over by now, and to look costs less than to wait for it.
  return connect_outcome(socket);
}

IoResult connect_outcome(int socket) {
  std::uint8_t state = TCP_SYN_SENT;  // which struct tcp_info, tcp(7), begins with
  socklen_t size = sizeof state;
  ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &state, &size);
  if (state == TCP_SYN_SENT) return {IoStatus::would_block, 0, {}};
  if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT) return {};  // the latter after a FIN
  int error = 0;
  size = sizeof error;
  const bool told = ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0;
  if (told && error == 0) return {};
  return {IoStatus::error, 0,
          told ? std::error_code(error, std::generic_category()) : last_error()};
}

IoResult receive_some(int socket, std::span<char> buffer) {
  for (;;) {
    const auto result = result_of(::recv(socket, buffer.data(), buffer.size(), 0));
    if (result.error == std::errc::interrupted) continue;
    if (result.status == IoStatus::ok && result.bytes == 0) return {IoStatus::end, 0, {}};
    return result;
  }
}

IoResult send_some(int socket, std::string_view bytes) {
  for (;;) {
    const auto result = result_of(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    if (result.error == std::errc::interrupted) continue;
    return result;
  }
}

void limit_blocking(int socket, std::chrono::nanoseconds longest) {
  const auto micros =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::microseconds>(longest).count());
  const timeval value{micros / 1'000'000, micros % 1'000'000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value);
}

std::array<base::Fd, 2> make_socket_pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) < 0)
    base::throw_errno("make", "a pair of sockets");
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

void half_close(int socket) { ::shutdown(socket, SHUT_WR); }

void reset_on_close(int socket) {
  const linger value{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

std::size_t unacknowledged(int socket) {
  int bytes = 0;
  if (::ioctl(socket, SIOCOUTQ, &bytes) < 0) return 0;
  return static_cast<std::size_t>(bytes);
}

bool is_lost(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return true;
  return info.tcpi_state == TCP_CLOSE;
}

}  // namespace poetry::net
