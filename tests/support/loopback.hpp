// Sockets on loopback for tests: a listener on a free port, blocking clients, and pairs.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "net/socket.hpp"

namespace poetry::support {

inline base::Fd listen_on_loopback() {
  return net::listen_on(net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0), 1024);
}

/// A blocking client, of which a call that makes no progress ends after ten seconds.
inline base::Fd connect_to(const net::Address& address) {
  base::Fd client = net::open_socket(address.family(), net::Blocking::yes);
  net::limit_blocking(client.get(), std::chrono::seconds(10));
  EXPECT_EQ(net::start_connect(client.get(), address).status, net::IoStatus::ok);
  return client;
}

/// What the peer sends until FIN (`ended` ok) or an error.
struct Heard {
  std::string bytes;
  net::IoResult ended;
};
inline Heard hear(int socket) {
  Heard heard;
  std::array<char, 4096> buffer{};
  for (;;) {
    heard.ended = net::receive_some(socket, buffer);
    if (heard.ended.status != net::IoStatus::ok) return heard;
    heard.bytes.append(buffer.data(), heard.ended.bytes);
  }
}

/// Both ends of one connection: the client blocks, the server's end does not.
struct LoopbackPair {
  base::Fd client;
  net::Accepted server;
};
inline LoopbackPair connect_pair() {
  const base::Fd listener = listen_on_loopback();
  LoopbackPair pair;
  pair.client = connect_to(net::local_address(listener.get()));
  pair.server = net::accept_from(listener.get());
  EXPECT_TRUE(pair.server.socket);
  return pair;
}

}  // namespace poetry::support
