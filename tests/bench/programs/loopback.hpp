// The sockets of the bench's programs, on 127.0.0.0/8 and with no options but those that are asked
// for here: what a floor costs must not depend on what the tools set.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace poetry::bench {

/// The kernel bounds it by net.core.somaxconn.
inline constexpr int backlog = 1 << 16;

inline sockaddr_in loopback(const std::string& host, unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) base::throw_errno("parse", host);
  return address;
}

inline const sockaddr* as_sockaddr(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// A TCP socket that does not block.
inline base::Fd stream_socket() {
  base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) base::throw_errno("open", "a socket");
  return socket;
}

inline base::Fd listen_on_loopback(unsigned port) {
  base::Fd socket = stream_socket();
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = loopback("127.0.0.1", port);
  if (::bind(socket.get(), as_sockaddr(address), sizeof address) < 0 ||
      ::listen(socket.get(), backlog) < 0) {
    base::throw_errno("listen on", std::to_string(port));
  }
  return socket;
}

/// The next connection that waits; empty where none does.
inline base::Fd accept_next(int listener) {
  base::Fd socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket && errno != EAGAIN) base::throw_errno("accept", "a connection");
  return socket;
}

inline base::Fd new_epoll() {
  base::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) base::throw_errno("open", "epoll");
  return epoll;
}

/// Adds `fd` for these events (epoll_ctl(2)), which then come with `tag`.
inline void watch(int epoll, int fd, std::uint32_t events, std::uint32_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = tag;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) base::throw_errno("watch", "a socket");
}

}  // namespace poetry::bench
