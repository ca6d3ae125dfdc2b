// Sockets on loopback for tests: a listener on a free port, blocking clients, and pairs.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "net/socket.hpp"

namespace poetry {

inline Fd listen_on_loopback() {
  return listen_on(resolve_numeric({"127.0.0.1", 0}).addresses.at(0), 1024);
}

/// A blocking client, of which a call that makes no progress ends after ten seconds.
inline Fd connect_to(const Address& address) {
  Fd client = open_socket(address.family(), Blocking::yes);
  limit_blocking(client.get(), std::chrono::seconds(10));
  EXPECT_EQ(start_connect(client.get(), address).status, IoStatus::ok);
  return client;
}

/// What the peer sends until FIN (`ended` ok) or an error.
struct Heard {
  std::string bytes;
  IoResult ended;
};
inline Heard hear(int socket) {
  Heard heard;
  std::array<char, 4096> buffer{};
  for (;;) {
    heard.ended = receive_some(socket, buffer);
    if (heard.ended.status != IoStatus::ok) return heard;
    heard.bytes.append(buffer.data(), heard.ended.bytes);
  }
}

/// Both ends of one connection: the client blocks, the server's end does not.
struct LoopbackPair {
  Fd client;
  Accepted server;
};
inline LoopbackPair connect_pair() {
  const Fd listener = listen_on_loopback();
  LoopbackPair pair;
  pair.client = connect_to(local_address(listener.get()));
  pair.server = accept_from(listener.get());
  EXPECT_TRUE(pair.server.socket);
  return pair;
}

}  // namespace poetry
