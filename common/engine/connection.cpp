#include "engine/connection.hpp"

#include <algorithm>

namespace poetry {
namespace {

/// One connection's share of a turn, so that a fast one starves nobody.
constexpr int steps_per_turn = 16;
constexpr std::size_t bytes_per_turn = std::size_t{1} << 20;
/// How long a peer that got everything may go on sending. A plain close() with unread input would
/// make the kernel send RST, and the client might lose the end of the poem.
constexpr auto drain_time = std::chrono::seconds(2);

}  // namespace

Connection::Connection(Accepted accepted, Port& port, TimePoint now)
    : socket_(std::move(accepted.socket)),
      port_(port),
      service_(port.service),
      quota_(port.quota),
      session_(service_->open({port.accepted + 1}, now)),
      started_(now),
      number_(++port.accepted),
      peer_(accepted.peer) {
  send_at_once(socket_.get());
  ++quota_->held;
}

void Connection::close() {
  if (!socket_) return;
  session_.reset();
  socket_.reset();
  --quota_->held;
}

Awaited Connection::proceed(Event event, TimePoint now, std::span<char> buffer) {
  if (event == Event::input) input_waits_ = true;
  for (int i = 0; i < steps_per_turn; ++i) {
    switch (phase_) {
      case Phase::stepping:
        step(now);
        break;
      case Phase::sending:
        if (const auto wait = send(now); wait.output || wait.turn) return wait;
        break;
      case Phase::listening:
        if (until_ <= now) {
          phase_ = Phase::stepping;
        } else if (input_waits_ && !peer_finished_) {
          receive(buffer);
        } else {
          return {.input = !peer_finished_, .until = until_};
        }
        break;
      case Phase::pausing:
        if (until_ > now) return {.until = until_};
        phase_ = Phase::stepping;
        break;
      case Phase::draining:
        if (peer_finished_ || until_ <= now) {
          end(Reason::finished);
        } else if (input_waits_) {
          drain(buffer);
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

void Connection::step(TimePoint now) {
  const auto step = session_->next(now);
  if (const auto* write = std::get_if<Write>(&step)) {
    pending_ = write->bytes;
    until_ = port_.send_timeout == Duration{0} ? never : later(now, port_.send_timeout);
    phase_ = Phase::sending;
  } else if (const auto* listen = std::get_if<Listen>(&step)) {
    until_ = listen->until;
    phase_ = Phase::listening;
  } else if (const auto* pause = std::get_if<Pause>(&step)) {
    until_ = pause->until;
    phase_ = Phase::pausing;
  } else if (std::holds_alternative<Finish>(step)) {
    half_close(socket_.get());
    until_ = later(now, drain_time);
    phase_ = Phase::draining;
  } else {
    end(Reason::fault);
  }
}

/// Waits for output or another turn; neither is set once the write is done or the connection over.
Awaited Connection::send(TimePoint now) {
  for (std::size_t sent = 0; !pending_.empty();) {
    if (sent >= bytes_per_turn) return {.turn = true};
    const auto result = send_some(socket_.get(), pending_.substr(0, bytes_per_turn));
    if (result.status == IoStatus::would_block) {
      if (until_ > now) return {.output = true, .until = until_};
      end(Reason::send_timeout);
      return {};
    }
    if (result.status != IoStatus::ok) {
      lose_peer();
      return {};
    }
    sent += result.bytes;
    bytes_ += result.bytes;
    port_.bytes_sent += result.bytes;
    pending_.remove_prefix(result.bytes);
    if (port_.send_timeout != Duration{0}) until_ = later(now, port_.send_timeout);
  }
  phase_ = Phase::stepping;
  return {};
}

void Connection::receive(std::span<char> buffer) {
  const auto result = receive_some(socket_.get(), buffer);
  switch (result.status) {
    case IoStatus::would_block:
      input_waits_ = false;
      return;
    case IoStatus::error:
      lose_peer();
      return;
    case IoStatus::end:
      peer_finished_ = true;
      session_->receive({});
      break;
    case IoStatus::ok:
      session_->receive({buffer.data(), result.bytes});
      break;
  }
  phase_ = Phase::stepping;
}

void Connection::drain(std::span<char> buffer) {
  const auto result = receive_some(socket_.get(), buffer);
  if (result.status == IoStatus::would_block) input_waits_ = false;
  if (result.status == IoStatus::end) peer_finished_ = true;
  if (result.status == IoStatus::error) end(Reason::finished);
}

void Connection::end(Reason reason) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  reason_ = reason;
  if (reason != Reason::finished) reset_on_close(socket_.get());
}

Ended Connection::ended(TimePoint now) const {
  return {port_, peer_, number_, bytes_, now - started_, reason_};
}

}  // namespace poetry
