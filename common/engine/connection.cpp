#include "engine/connection.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace poetry::engine {
namespace {

/// One connection's share of a turn, so that a fast one starves nobody.
constexpr int steps_per_turn = 16;
constexpr std::size_t bytes_per_turn = std::size_t{1} << 20;
/// How long a peer that got everything may go on sending. A plain close() with unread input would
/// make the kernel send RST, and the client might lose the end of the poem.
constexpr auto drain_time = std::chrono::seconds(2);

/// While nothing is read or written, the kernel is asked so often whether the peer is still there.
constexpr auto hangup_check = std::chrono::seconds(1);
/// Of a peer that takes less than is sent, the kernel is asked eight times in the send-timeout, and
/// at least so often, whether it takes anything: it may empty a queue for long before there is room
/// in it again.
constexpr base::Duration longest_progress_check = std::chrono::seconds(1);
/// How often the kernel is asked whether the peer's kernel has everything, before a reset.
constexpr auto flush_check = std::chrono::milliseconds(1);

/// By system calls.
class Calls final : public Transport {
 public:
  explicit Calls(std::span<char> buffer) : buffer_(buffer) {}

  net::IoResult send(int socket, std::string_view bytes) override {
    return net::send_some(socket, bytes.substr(0, bytes_per_turn));
  }

  Input receive(int socket) override {
    const auto result = net::receive_some(socket, buffer_);
    return {result.status, {buffer_.data(), result.bytes}, false, result.error};
  }

 private:
  std::span<char> buffer_;
};

}  // namespace

Connection::Connection(AcceptedSocket accepted, SharedTerms terms)
    : terms_(std::move(terms)),
      started_(accepted.at),
      number_(accepted.peer.number),
      address_(accepted.address),
      socket_(std::move(accepted.socket)) {
  try {
    session_ = terms_->service->open(accepted.peer, accepted.at);
  } catch (...) {
    net::reset_on_close(socket_.get());  // an end without an error would look like an empty stream
    throw;
  }
}

void Connection::close() {
  session_.reset();
  socket_.reset();
}

Awaited Connection::proceed(Event event, base::TimePoint now, std::span<char> buffer) {
  Calls calls(buffer);
  return proceed(event, now, calls);
}

Awaited Connection::proceed(Event event, base::TimePoint now, Transport& transport) {
  if (event == Event::input) input_waits_ = true;
  if (event == Event::news && phase_ == Phase::listening) phase_ = Phase::stepping;
  try {
    return advance(now, transport);
  } catch (const std::exception& error) {
    fail(error);
    return {.over = true};
  }
}

Awaited Connection::advance(base::TimePoint now, Transport& transport) {
  for (int i = 0; i < steps_per_turn; ++i) {
    switch (phase_) {
      case Phase::stepping:
        step(now);
        break;
      case Phase::sending:
        if (const auto wait = send(now, transport); wait.output || wait.turn) return wait;
        break;
      case Phase::listening:
        if (input_waits_ && !peer_finished_) {
          if (!receive(transport)) return {.input = true, .until = until_};
        } else if (until_ <= now) {
          note_lateness(now);
          phase_ = Phase::stepping;
        } else if (peer_finished_) {
          return rest(now);
        } else {
          return {.input = true, .until = until_};
        }
        break;
      case Phase::pausing:
        if (until_ > now) return rest(now);
        note_lateness(now);
        phase_ = Phase::stepping;
        break;
      case Phase::aborting:
        return abort(now);
      case Phase::draining:
        if (peer_finished_ || until_ <= now) {
          phase_ = Phase::over;
        } else if (input_waits_) {
          drain(transport);
        } else {
          return {.input = true, .until = until_};
        }
        break;
      case Phase::over:
        return {.over = true};
    }
  }
  return {.turn = true};
}

void Connection::step(base::TimePoint now) {
  const auto step = session_->next(now);
  if (const auto* write = std::get_if<session::Write>(&step)) {
    pending_ = write->bytes;
    note_progress(now);
    phase_ = Phase::sending;
  } else if (const auto* listen = std::get_if<session::Listen>(&step)) {
    until_ = listen->until;
    if (until_ <= now) input_waits_ = true;  // without a wait no event tells, so it asks
    phase_ = Phase::listening;
  } else if (const auto* pause = std::get_if<session::Pause>(&step)) {
    until_ = pause->until;
    phase_ = Phase::pausing;
  } else if (const auto* finish = std::get_if<session::Finish>(&step)) {
    if (finish->ending == session::Ending::fault) reason_ = Reason::fault;
    if (finish->ending == session::Ending::unasked)
      reason_ = peer_finished_ ? Reason::peer_closed : Reason::await_timeout;
    net::half_close(socket_.get());
    until_ = base::later(now, drain_time);
    phase_ = Phase::draining;
  } else {
    until_ = base::later(now, drain_time);
    phase_ = Phase::aborting;
  }
}

/// Waits for time alone, in which no event tells that the peer has gone.
Awaited Connection::rest(base::TimePoint now) {
  if (net::is_lost(socket_.get())) {
    lose_peer();
    return {.over = true};
  }
  return {.until = std::min(until_, base::later(now, hangup_check))};
}

/// A reset discards what the peer's kernel does not have yet, so it waits for that.
Awaited Connection::abort(base::TimePoint now) {
  if (until_ > now && net::unacknowledged(socket_.get()) > 0)
    return {.until = base::later(now, flush_check)};
  end(Reason::fault);
  return {.over = true};
}

/// Waits for output or another turn; neither is set once the write is done or the connection over.
Awaited Connection::send(base::TimePoint now, Transport& transport) {
  constexpr auto relaxed = std::memory_order_relaxed;
  for (std::size_t sent = 0; !pending_.empty();) {
    if (sent >= bytes_per_turn) return {.turn = true};
    const auto result = transport.send(socket_.get(), pending_);
    if (result.status == net::IoStatus::would_block) return wait_for_output(now);
    if (result.status != net::IoStatus::ok) {
      lose_peer(result.error);
      return {};
    }
    sent += result.bytes;
    bytes_.store(bytes_.load(relaxed) + result.bytes, relaxed);  // one thread alone writes it
    terms_->port.counters->bytes_sent.fetch_add(result.bytes, relaxed);
    if (terms_->port.counters->measured.load(relaxed)) {
      const auto lines = std::ranges::count(pending_.substr(0, result.bytes), '\n');
      terms_->port.counters->lines_sent.fetch_add(static_cast<std::uint64_t>(lines), relaxed);
    }
    pending_.remove_prefix(result.bytes);
    note_progress(now);
    if (base::is_logged(base::LogLevel::debug)) {
      base::log_facts(base::LogLevel::debug, "sent",
                      {{"port", terms_->port.at.port}, {"conn", number_}, {"bytes", result.bytes}});
    }
  }
  phase_ = Phase::stepping;
  return {};
}

/// Of a turn that was to come at until_, which is none where that was a look at what is there.
void Connection::note_lateness(base::TimePoint now) const {
  constexpr auto relaxed = std::memory_order_relaxed;
  if (until_ >= now || !terms_->port.counters->measured.load(relaxed)) return;
  constexpr const auto& bounds = Counters::lateness_bounds;
  const auto late = now - until_;
  const auto at = std::ranges::lower_bound(bounds, late) - bounds.begin();
  terms_->port.counters->late.at(static_cast<std::size_t>(at)).fetch_add(1, relaxed);
  terms_->port.counters->lateness_ns.fetch_add(static_cast<std::uint64_t>(late.count()), relaxed);
}

void Connection::note_progress(base::TimePoint now) {
  until_ = terms_->send_timeout == base::Duration{0} ? base::never
                                                     : base::later(now, terms_->send_timeout);
}

/// What the peer acknowledges is progress as what the kernel takes is. Nothing is set where it has
/// made none for too long, and is dropped.
Awaited Connection::wait_for_output(base::TimePoint now) {
  if (until_ == base::never) return {.output = true};
  const auto queued = static_cast<std::uint32_t>(net::unacknowledged(socket_.get()));
  if (queued < std::exchange(queued_, queued)) note_progress(now);
  if (until_ <= now) {
    end(Reason::send_timeout);
    return {};
  }
  const auto look = std::min<base::Duration>(terms_->send_timeout / 8, longest_progress_check);
  return {.output = true, .until = std::min(until_, base::later(now, look))};
}

/// Gives the session what is there; false where the transport does not know whether anything is.
bool Connection::receive(Transport& transport) {
  const auto input = transport.receive(socket_.get());
  switch (input.status) {
    case net::IoStatus::would_block:
      input_waits_ = input.unknown;
      return !input.unknown;
    case net::IoStatus::error:
      lose_peer(input.error);
      return true;
    case net::IoStatus::end:
      peer_finished_ = true;
      session_->receive({});
      break;
    case net::IoStatus::ok:
      session_->receive(input.bytes);
      break;
  }
  phase_ = Phase::stepping;
  return true;
}

void Connection::drain(Transport& transport) {
  const auto status = transport.receive(socket_.get()).status;
  if (status == net::IoStatus::would_block) input_waits_ = false;
  if (status == net::IoStatus::end) peer_finished_ = true;
  if (status == net::IoStatus::error) phase_ = Phase::over;
}

/// That there is no memory is none of the peer's.
void Connection::lose_peer(const std::error_code& error) {
  if (net::is_shortage(error)) throw std::system_error(error, "reach " + net::to_string(address_));
  end(peer_finished_ ? Reason::peer_closed : Reason::peer_reset);
}

void Connection::end(Reason reason) {
  const bool all_sent = phase_ == Phase::draining || phase_ == Phase::over;
  phase_ = Phase::over;
  if (all_sent) return;
  reason_ = reason;
  net::reset_on_close(socket_.get());
}

void Connection::fail(const std::exception& error) {
  base::log_error("port={} conn={}: {}", terms_->port.at.port, number_, error.what());
  end(Reason::fault);
}

Held Connection::held(base::TimePoint now) const {
  return {terms_->port, address_, number_, bytes_, now - started_};
}

Ended Connection::ended(base::TimePoint now) const {
  return {terms_->port, address_, number_, bytes_, now - started_, reason_};
}

}  // namespace poetry::engine
