#include "fetch/fetch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/quantity.hpp"
#include "base/seed.hpp"

namespace poetry::fetch {
namespace {

base::TimePoint limit(base::TimePoint start, base::Duration longest) {
  return longest == base::Duration::zero() ? base::never : base::later(start, longest);
}

}  // namespace

Fetch::Fetch(net::HostPort where, const FetchOptions& options, std::size_t task,
             base::TimePoint now, const Details* details)
    : where_(std::move(where)),
      options_(options),
      send_(details != nullptr && details->send ? details->send : options.send),
      expected_(details == nullptr ? nullptr : &details->expected),
      task_(task),
      seed_(base::derive_seed(options.seed, task)),
      task_until_(limit(now, options.timeout)),
      answer_(options, expected_) {
  record_.started = now;
  begin_attempt(now);
}

Action Fetch::next() const {
  switch (state_) {
    case State::resolving:
      return Resolve{deadline()};
    case State::connecting:
      return Connect{race_.tried(), race_.over(), deadline()};
    case State::transferring:
      return Transfer{unsent(), full_ ? 0 : options_.max_bytes - record_.bytes, deadline()};
    case State::half_closing:
      return HalfClose{};
    case State::waiting:
      return Wait{delay_, deadline(), has_turn_};
    case State::done:
      break;
  }
  return Done{};
}

std::string_view Fetch::unsent() const {
  if (!send_ || send_error_) return {};
  return std::string_view(*send_).substr(record_.sent);
}

base::TimePoint Fetch::deadline() const {
  return state_ == State::done ? base::never : std::min(task_until_, phase_until_);
}

void Fetch::begin_attempt(base::TimePoint now) {
  const base::TimePoint started = record_.started;
  const std::uint64_t attempts = record_.attempts;
  record_ = {};
  record_.started = started;
  record_.attempts = attempts + 1;
  record_.attempted = now;
  state_ = State::resolving;
  attempt_until_ = phase_until_ = base::never;
  full_ = has_turn_ = false;
  send_error_ = reset_ = {};
  answer_ = Answer(options_, expected_);
}

bool Fetch::may_begin_anew(std::error_code error) const {
  const bool first_socket = state_ == State::resolving || race_.tried().size() == 1;
  return net::is_shortage(error) && record_.attempts == 1 && first_socket;
}

void Fetch::lookup_begun(base::TimePoint now) {
  attempt_until_ = phase_until_ = limit(now, options_.connect_timeout);
}

void Fetch::resolved(const net::Resolved& found, base::TimePoint now) {
  if (found.addresses.empty())
    return broken(Outcome::resolve, "resolve", found.error.message(), now);
  if (attempt_until_ == base::never) lookup_begun(now);
  record_.resolved = now;
  race_ = Race(found.addresses, now);
  state_ = State::connecting;
  race_on();
}

void Fetch::race_on() {
  record_.address = race_.tried()[race_.leader()];
  phase_until_ = std::min(attempt_until_, race_.next_at());
}

Candidate Fetch::connect_ended(std::size_t index, std::error_code error, base::TimePoint now) {
  // A handshake is refused, not reset: these were connected, and broke before anybody looked. What
  // the server sent before that can still be read; after a broken pipe its FIN, too.
  const bool reset = error == std::errc::connection_reset;
  if (error && !reset && error != std::errc::broken_pipe) {
    race_.failed(index, error, now);
    race_on();
    if (race_.lost()) {
      broken(Outcome::connect, "connect",
             race_.error(race_.leader()).message() + race_.how_many_failed(), now);
    }
    return Candidate::failed;
  }
  if (reset) reset_ = error;
  record_.address = race_.tried()[index];
  record_.connected = heard_ = active_ = now;
  phase_until_ = limit(now, options_.idle_timeout);
  const bool nothing_to_send = send_ && send_->empty();
  const bool closes = options_.after_send == AfterSend::half_close;
  state_ = nothing_to_send && closes ? State::half_closing : State::transferring;
  return Candidate::chosen;
}

void Fetch::sent(std::size_t bytes, base::TimePoint now) {
  record_.sent += bytes;
  active_ = now;
  if (!full_) phase_until_ = std::min(limit(now, options_.idle_timeout), silent_until());
  const bool closes = options_.after_send == AfterSend::half_close;
  if (record_.sent == send_->size() && closes) state_ = State::half_closing;
}

// What the server sent before it refused the rest may still be there to be read.
void Fetch::send_failed(std::error_code error, base::TimePoint) { send_error_ = error; }

void Fetch::half_closed(base::TimePoint) { state_ = State::transferring; }

void Fetch::note_activity(base::TimePoint now) {
  record_.longest_gap = std::max(record_.longest_gap, now - heard_);
  heard_ = active_ = now;
  phase_until_ = std::min(limit(now, options_.idle_timeout), silent_until());
}

/// When silence makes the stream whole; `never` where something is still to come, or that is no
/// end.
base::TimePoint Fetch::silent_until() const {
  const bool waits = record_.bytes > 0 && unsent().empty();
  return waits ? limit(active_, options_.until_idle) : base::never;
}

std::string_view Fetch::received(std::string_view bytes, base::TimePoint now) {
  if (record_.first_byte == base::never) record_.first_byte = now;
  if (options_.max_arrivals > 0) record_.arrivals.add(now, options_.max_arrivals);
  bytes = answer_.take(bytes, record_);
  note_activity(now);
  if (answer_.marked_whole()) {
    conclude(answer_.whole(record_), now);
  } else if (record_.bytes == options_.max_bytes) {
    end(Outcome::limit, text_of("stopped after " + base::counted(record_.bytes, "byte")), now);
  } else {
    look_for_room(now);
  }
  return bytes;
}

// The server is not silent meanwhile: it is not heard.
void Fetch::look_for_room(base::TimePoint now) {
  const bool was_full = std::exchange(full_, options_.has_room && !options_.has_room(task_));
  if (full_) {
    phase_until_ = base::later(now, room_asked_every);
  } else if (was_full) {
    heard_ = now;
    note_activity(now);
  }
}

void Fetch::stream_ended(base::TimePoint now) {
  if (reset_) return receive_failed(reset_, now);
  note_activity(now);
  if (send_error_) return broken(Outcome::reset, "send", send_error_.message(), now);
  conclude(answer_.ended(record_), now);
}

void Fetch::conclude(const Answer::Verdict& verdict, base::TimePoint now) {
  if (verdict.outcome == Outcome::ok) return end(Outcome::ok, {}, now);
  broken(verdict.outcome, {}, verdict.what, now);
}

void Fetch::receive_failed(std::error_code error, base::TimePoint now) {
  note_activity(now);
  broken(Outcome::reset, "receive", error.message(), now);
}

void Fetch::expired(base::TimePoint now) {
  if (state_ == State::done || now < deadline()) return;
  const auto after = [](base::Duration limit) {
    return "timed out after " + base::format_duration(limit);
  };
  if (now >= task_until_) {
    const auto before = record_.error.empty() ? "" : " (before that, " + record_.error + ")";
    return end(Outcome::timeout, text_of(after(options_.timeout)) + before, now);
  }
  switch (state_) {
    case State::resolving:
      return broken(Outcome::connect_timeout, "resolve", after(options_.connect_timeout), now);
    case State::connecting:
      if (now >= attempt_until_) {
        return broken(Outcome::connect_timeout, "connect",
                      after(options_.connect_timeout) + race_.how_many_tried(), now);
      }
      race_.try_next(now);
      return race_on();
    case State::waiting:
      if (options_.pace && !std::exchange(has_turn_, true))
        phase_until_ = options_.pace->reserve(now);
      if (now >= phase_until_) begin_attempt(now);
      return;
    default:
      if (full_) return look_for_room(now);
      record_.longest_gap = std::max(record_.longest_gap, now - heard_);
      if (now >= silent_until()) return conclude(answer_.whole(record_), now);
      be_silent_too_long(now);
  }
}

void Fetch::be_silent_too_long(base::TimePoint now) {
  const auto limit = base::format_duration(options_.idle_timeout);
  if (!unsent().empty()) {
    const auto size = base::counted(send_->size(), "byte");
    return broken(Outcome::idle_timeout, "send",
                  fmt::format("nothing taken for {}, after {} of {}", limit, record_.sent, size),
                  now);
  }
  // The server may wait for more than was sent, or has said all.
  const auto* const helps =
      send_ && !options_.has_an_end() ? " (see --half-close and --until)" : "";
  broken(Outcome::idle_timeout, "receive", "nothing for " + limit + helps, now);
}

void Fetch::interrupt(base::TimePoint now) {
  end(Outcome::interrupted, text_of("interrupted"), now);
}

void Fetch::output_failed(const std::string& message, base::TimePoint now) {
  end(Outcome::output, text_of(message), now);
}

void Fetch::broken(Outcome outcome, std::string_view step, const std::string& what,
                   base::TimePoint now) {
  auto error = text_of(step.empty() ? what : std::string(step) + ": " + what);
  if (record_.attempts > options_.retries) return end(outcome, std::move(error), now);
  record_.outcome = outcome;
  record_.error = std::move(error);
  if (now >= task_until_) return expired(now);  // without a retry that voids what it got
  state_ = State::waiting;
  delay_ = retry_delay(options_.retry_delay, record_.attempts - 1, seed_, options_.backoff);
  // Never over at once: whoever carries out the actions is to see it.
  phase_until_ = base::later(now, std::max(delay_, base::Duration(1)));
}

void Fetch::end(Outcome outcome, std::string error, base::TimePoint now) {
  if (state_ == State::waiting) {  // what the attempt got is void already
    record_.bytes = record_.lines = 0;
    record_.attempted = base::never;
  }
  if (outcome != Outcome::ok) record_.sha256.reset();
  record_.outcome = outcome;
  record_.error = std::move(error);
  record_.ended = now;
  state_ = State::done;
}

std::string Fetch::text_of(std::string_view what) const {
  std::string text = net::to_string(where_);
  if (record_.address && record_.address->host() != where_.host)
    text += " (" + net::to_string(*record_.address) + ")";
  return text.append(": ").append(what);
}

}  // namespace poetry::fetch
