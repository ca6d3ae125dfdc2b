// What a server says to one client, and when: the sans-I/O contract between sessions and engines.
// A session is pulled: the engine asks for the next step once the last one is done, so that nobody
// asks for bytes that cannot be sent. Sessions do no I/O, read no clock and write no log.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "base/clock.hpp"

namespace poetry::session {

/// Send these bytes, which are valid until the next call on this session.
struct Write {
  std::string_view bytes;
};
/// Wait for input, news or time, whichever comes first; then next() is called. Of input that is
/// there, receive() gets one piece before. Where `until` is not later than now, nothing is waited
/// for: input that is there is delivered, and next() is called at once in any case. So a session
/// that always has something to write hears its peer by saying Listen{now} between two writes,
/// which may cost a system call; one that does not listen pays for no input.
struct Listen {
  base::TimePoint until = base::never;  ///< never met early
};
/// Wait for time only; receive() is not called.
struct Pause {
  base::TimePoint until = base::never;
};
/// Whether a stream ends as its service wants it, as a fault does, or as the client did not ask for
/// anything in time.
enum class Ending { complete, fault, unasked };
/// All is sent: FIN, drain what the peer still sends for a moment, close.
struct Finish {
  Ending ending = Ending::complete;
};
/// RST, once the peer's kernel has what was written.
struct Abort {};

using Step = std::variant<Write, Listen, Pause, Finish, Abort>;

struct Session {
  virtual ~Session() = default;
  /// Called only once the last step is done.
  virtual Step next(base::TimePoint now) = 0;
  /// Called only while listening, at most once for each Listen, with the next bytes that the peer
  /// sent: as many as there are, up to the engine's buffer, valid for this call. Empty means that
  /// it sent FIN, which is told once, after all else; the session may go on writing. What is not
  /// listened for stays with the kernel, which holds the peer back. A reset is not told: it ends
  /// the connection, at the next Write or Listen at the latest.
  virtual void receive(std::string_view /*bytes*/) {}
};

/// Who a session talks to, and where.
struct Peer {
  std::uint64_t number = 0;  ///< the port's Nth connection, from 1
  std::uint64_t seed = 0;    ///< of all that is random about this connection
  std::uint16_t port = 0;
  int process = 0;  ///< which serves it
};

/// When to look again, and whether listening sessions have news.
struct Refresh {
  base::TimePoint again = base::never;
  bool news = false;
  int readable = -1;  ///< look again as well when this descriptor is readable; -1: none
  /// Something is being done that a process which ends should not cut off, for at most a moment.
  bool busy = false;
};

/// Owns what its sessions share (the poem, the log's tail, the counter) and outlives them.
/// An engine may fork between making a service and using it: descriptors, offsets and database
/// connections that must not be shared by processes are opened by open(), refresh() or a session.
/// An engine may step sessions from many threads at once, beside one thread that calls open(),
/// refresh() and drain(): each service says how it guards what they share.
struct Service {
  virtual ~Service() = default;
  virtual std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) = 0;
  /// Called once at first, and then as often as it asks for.
  virtual Refresh refresh(base::TimePoint /*now*/) { return {}; }
  /// The server ends: sessions that would go on for ever are to finish. It counts as news.
  virtual void drain() {}
};

}  // namespace poetry::session
