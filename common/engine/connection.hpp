// One client's connection over a non-blocking socket: it carries out its session's steps as far as
// that goes and says what it then waits for. It never blocks and knows no loop, so that every
// engine that waits on descriptors shares it. Owned by its engine.
#pragma once

#include <memory>
#include <span>

#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/timers.hpp"

namespace poetry {

/// What a connection waits for: any of these, or it is over.
struct Awaited {
  bool input = false;
  bool output = false;
  TimePoint until = never;
  bool turn = false;  ///< it could go on, but it is the others' turn
  bool over = false;
};

enum class Event { nothing, input, output };

class Connection : public Timer {
 public:
  /// Opens a session of the port's service, and counts against the port's quota while it lives.
  Connection(Accepted accepted, Port& port, TimePoint now);
  ~Connection() { close(); }

  /// Carries out what can be done now. `buffer` is lent for the call.
  Awaited proceed(Event event, TimePoint now, std::span<char> buffer);
  /// Ends it; the peer sees RST unless all was sent.
  void end(Reason reason);
  /// Closes the socket and gives the session and the place in the quota back.
  void close();
  /// What to report, once it is over.
  [[nodiscard]] Ended ended(TimePoint now) const;
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  enum class Phase { stepping, sending, listening, pausing, draining, over };

  void step(TimePoint now);
  void receive(std::span<char> buffer);
  void drain(std::span<char> buffer);
  [[nodiscard]] Awaited send(TimePoint now);
  void lose_peer() { end(peer_finished_ ? Reason::peer_closed : Reason::peer_reset); }

  Fd socket_;
  Port& port_;
  std::shared_ptr<Service> service_;  // the port may serve another one by now
  std::shared_ptr<Quota> quota_;
  std::unique_ptr<Session> session_;
  std::string_view pending_;  // of the last Write
  TimePoint until_ = never;   // of the last Listen or Pause, or of the sending or draining
  TimePoint started_;
  std::uint64_t number_;
  std::uint64_t bytes_ = 0;
  Address peer_;
  Phase phase_ = Phase::stepping;
  Reason reason_ = Reason::finished;
  bool input_waits_ = false;    // there may be something to read
  bool peer_finished_ = false;  // the peer's FIN was read
};

}  // namespace poetry
