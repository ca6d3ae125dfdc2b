// What a server says to one client, and when: the sans-I/O contract between sessions and engines.
// A session is pulled: the engine asks for the next step once the last one is done, so that nobody
// asks for bytes that cannot be sent. Sessions do no I/O, read no clock and write no log.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "base/clock.hpp"

namespace poetry {

/// Send these bytes, which are valid until the next call on this session.
struct Write {
  std::string_view bytes;
};
/// Wait for time, input or news.
struct Listen {
  TimePoint until = never;
};
/// Wait for time only; receive() is not called.
struct Pause {
  TimePoint until = never;
};
/// All is sent: FIN, drain what the peer still sends for a moment, close.
struct Finish {};
/// RST now.
struct Abort {};

using Step = std::variant<Write, Listen, Pause, Finish, Abort>;

struct Session {
  virtual ~Session() = default;
  /// Called only once the last step is done.
  virtual Step next(TimePoint now) = 0;
  /// Called only while listening; empty means that the peer sent FIN.
  virtual void receive(std::string_view /*bytes*/) {}
};

/// Who a session talks to.
struct Peer {
  std::uint64_t number = 0;  ///< the port's Nth connection, from 1
};

/// When to look again, and whether listening sessions have news.
struct Refresh {
  TimePoint again = never;
  bool news = false;
};

/// Owns what its sessions share (the poem, the log's tail, the counter) and outlives them.
struct Service {
  virtual ~Service() = default;
  virtual std::unique_ptr<Session> open(const Peer& peer, TimePoint now) = 0;
  virtual Refresh refresh(TimePoint /*now*/) { return {}; }
};

}  // namespace poetry
