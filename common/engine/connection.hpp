// One client's connection over a non-blocking socket: it carries out its session's steps as far as
// that goes and says what it then waits for. It never blocks and knows no loop, so that every
// engine that waits on descriptors shares it. Owned by its engine.
#pragma once

#include <exception>
#include <memory>
#include <span>

#include "engine/loop.hpp"

namespace poetry::engine {

/// What a connection waits for: any of these, or it is over.
struct Awaited {
  bool input = false;
  bool output = false;
  base::TimePoint until = base::never;  ///< where it has passed: see Input::unknown
  bool turn = false;                    ///< it could go on, but it is the others' turn
  bool over = false;
};

enum class Event { nothing, input, output, news };

/// What there was to receive; `bytes` are valid until the next call.
struct Input {
  net::IoStatus status = net::IoStatus::would_block;
  std::string_view bytes;
  /// Of would_block: there may be some, as the transport will know once input was awaited for a
  /// turn.
  bool unknown = false;
  std::error_code error{};
};

/// Who moves a connection's bytes, as many as go without waiting. Lent to it for a call.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends from the front of these bytes. After would_block, the connection waits for output.
  virtual net::IoResult send(int socket, std::string_view bytes) = 0;
  virtual Input receive(int socket) = 0;
};

class Connection {
 public:
  /// Opens a session of the terms' service.
  Connection(AcceptedSocket accepted, SharedTerms terms);
  ~Connection() { close(); }

  /// Carries out what can be done now. What a session raises is logged and ends the connection.
  Awaited proceed(Event event, base::TimePoint now, Transport& transport);
  /// By system calls on its socket; `buffer` is lent for the call.
  Awaited proceed(Event event, base::TimePoint now, std::span<char> buffer);
  /// What it wants to send while it waits for output. Valid until it is closed, or has sent that.
  [[nodiscard]] std::string_view unsent() const { return pending_; }
  /// Ends it: the peer sees RST. One that has sent everything keeps its own reason and end.
  void end(Reason reason);
  /// Logs what went wrong, and ends it as a fault does.
  void fail(const std::exception& error);
  /// Closes the socket and destroys the session.
  void close();
  /// What it is before that, from any thread.
  [[nodiscard]] Held held(base::TimePoint now) const;
  /// What to report, once it is over.
  [[nodiscard]] Ended ended(base::TimePoint now) const;
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] const Terms& terms() const { return *terms_; }

 private:
  enum class Phase : std::uint8_t {
    stepping,
    sending,
    listening,
    pausing,
    aborting,
    draining,
    over
  };

  Awaited advance(base::TimePoint now, Transport& transport);
  void step(base::TimePoint now);
  [[nodiscard]] bool receive(Transport& transport);
  void drain(Transport& transport);
  [[nodiscard]] Awaited send(base::TimePoint now, Transport& transport);
  void note_lateness(base::TimePoint now) const;
  void note_progress(base::TimePoint now);
  [[nodiscard]] Awaited wait_for_output(base::TimePoint now);
  [[nodiscard]] Awaited rest(base::TimePoint now);
  [[nodiscard]] Awaited abort(base::TimePoint now);
  void lose_peer(const std::error_code& error = {});

  // In an order that leaves no gaps: a server may hold very many.
  SharedTerms terms_;  // the port may have others by now
  std::unique_ptr<session::Session> session_;
  std::string_view pending_;  // what is left of the last Write
  base::TimePoint until_ =
      base::never;  // of the last Listen or Pause, or of the sending or draining
  base::TimePoint started_;
  std::uint64_t number_;
  std::atomic<std::uint64_t> bytes_{0};
  net::Address address_;
  base::Fd socket_;
  std::uint32_t queued_ = 0;  // what the peer had not acknowledged, as of the last look
  Phase phase_ = Phase::stepping;
  Reason reason_ = Reason::finished;
  bool input_waits_ = false;    // there may be something to read
  bool peer_finished_ = false;  // the peer's FIN was read
};

}  // namespace poetry::engine
