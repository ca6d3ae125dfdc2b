#include "fetch/fetch.hpp"

#include <algorithm>
#include <utility>

#include "base/quantity.hpp"
#include "base/seed.hpp"
#include "fetch/retry_delay.hpp"

namespace poetry::fetch {
namespace {

base::TimePoint limit(base::TimePoint start, base::Duration longest) {
  return longest == base::Duration::zero() ? base::never : base::later(start, longest);
}

}  // namespace

Fetch::Fetch(net::HostPort where, const FetchOptions& options, std::size_t task,
             base::TimePoint now, const Expected* expected)
    : where_(std::move(where)),
      options_(options),
      expected_(expected),
      task_(task),
      seed_(base::derive_seed(options.seed, task)),
      task_until_(limit(now, options.timeout)) {
  record_.started = now;
  begin_attempt(now);
}

Action Fetch::next() const {
  switch (state_) {
    case State::resolving:
      return Resolve{deadline()};
    case State::connecting:
      return Connect{race_.tried(), deadline()};
    case State::transferring: {
      const std::string_view text = options_.send ? *options_.send : std::string_view{};
      const auto unsent = send_error_ ? std::string_view{} : text.substr(sent_);
      const std::uint64_t left = options_.max_bytes - record_.bytes;
      return Transfer{unsent, left + (left < left + 1 ? 1 : 0), deadline()};
    }
    case State::half_closing:
      return HalfClose{};
    case State::waiting:
      return Wait{delay_, deadline()};
    case State::done:
      break;
  }
  return Done{};
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
  attempt_until_ = phase_until_ = limit(now, options_.connect_timeout);
  sent_ = 0;
  send_error_ = reset_ = {};
  last_byte_ = '\n';
  digest_.reset();
  if (options_.digests == Digests::yes || (expected_ != nullptr && expected_->sha256)) {
    digest_.emplace();
  }
}

bool Fetch::may_begin_anew(std::error_code error) const {
  const bool short_of_descriptors =
      error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system;
  const bool first_socket = state_ == State::resolving || race_.tried().size() == 1;
  return short_of_descriptors && record_.attempts == 1 && first_socket;
}

void Fetch::resolved(const net::Resolved& found, base::TimePoint now) {
  if (found.addresses.empty()) {
    broken(Outcome::resolve, "resolve", found.error.message(), now);
    return;
  }
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
      broken(Outcome::connect, "connect", race_.error(race_.leader()).message(), now);
    }
    return Candidate::failed;
  }
  if (reset) reset_ = error;
  record_.address = race_.tried()[index];
  connected(now);
  return Candidate::chosen;
}

void Fetch::connected(base::TimePoint now) {
  record_.connected = heard_ = now;
  phase_until_ = limit(now, options_.idle_timeout);
  const bool nothing_to_send = options_.send && options_.send->empty();
  const bool closes = options_.after_send == AfterSend::half_close;
  state_ = nothing_to_send && closes ? State::half_closing : State::transferring;
}

void Fetch::sent(std::size_t bytes, base::TimePoint now) {
  sent_ += bytes;
  phase_until_ = limit(now, options_.idle_timeout);
  const bool closes = options_.after_send == AfterSend::half_close;
  if (sent_ == options_.send->size() && closes) state_ = State::half_closing;
}

// What the server sent before it refused the rest may still be there to be read.
void Fetch::send_failed(std::error_code error, base::TimePoint) { send_error_ = error; }

void Fetch::half_closed(base::TimePoint) { state_ = State::transferring; }

void Fetch::note_activity(base::TimePoint now) {
  record_.longest_gap = std::max(record_.longest_gap, now - heard_);
  heard_ = now;
  phase_until_ = limit(now, options_.idle_timeout);
}

std::string_view Fetch::received(std::string_view bytes, base::TimePoint now) {
  note_activity(now);
  const bool beyond = bytes.size() > options_.max_bytes - record_.bytes;
  bytes = bytes.substr(0, options_.max_bytes - record_.bytes);
  if (!bytes.empty()) count(bytes, now);
  if (beyond) {
    end(Outcome::limit, text_of("more than " + std::to_string(options_.max_bytes) + " bytes"), now);
  }
  return bytes;
}

void Fetch::count(std::string_view bytes, base::TimePoint now) {
  if (record_.first_byte == base::never) record_.first_byte = now;
  if (options_.max_arrivals > 0) record_.arrivals.add(now, options_.max_arrivals);
  if (digest_) digest_->update(bytes);
  record_.bytes += bytes.size();
  if (last_byte_ != '\n') --record_.lines;  // its line goes on, and is counted again below
  record_.lines += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  last_byte_ = bytes.back();
  if (last_byte_ != '\n') ++record_.lines;
}

void Fetch::stream_ended(base::TimePoint now) {
  if (reset_) {
    receive_failed(reset_, now);
    return;
  }
  note_activity(now);
  finish_digest();
  if (send_error_) {
    broken(Outcome::reset, "send", send_error_.message(), now);
  } else if (const std::string what = difference(); !what.empty()) {
    broken(Outcome::truncated, {}, what, now);
  } else {
    end(Outcome::ok, {}, now);
  }
}

void Fetch::finish_digest() {
  if (digest_) record_.sha256 = digest_->finish_digest();
  digest_.reset();
}

/// In what a stream that has ended is not what was expected; empty where it is.
std::string Fetch::difference() const {
  if (expected_ == nullptr) return {};
  if (expected_->bytes && *expected_->bytes != record_.bytes) {
    return std::to_string(record_.bytes) + " of " + std::to_string(*expected_->bytes) + " bytes";
  }
  return expected_->sha256 && expected_->sha256 != record_.sha256 ? "sha256 differs" : "";
}

void Fetch::receive_failed(std::error_code error, base::TimePoint now) {
  note_activity(now);
  broken(Outcome::reset, "receive", error.message(), now);
}

void Fetch::expired(base::TimePoint now) {
  if (state_ == State::done || now < deadline()) return;
  if (now >= task_until_) {
    const auto before = record_.error.empty() ? "" : " (before that, " + record_.error + ")";
    end(Outcome::timeout,
        text_of("timed out after " + base::format_duration(options_.timeout)) + before, now);
    return;
  }
  switch (state_) {
    case State::resolving:
      broken(Outcome::connect_timeout, "resolve",
             "timed out after " + base::format_duration(options_.connect_timeout), now);
      break;
    case State::connecting:
      if (now < attempt_until_) {
        race_.try_next(now);
        race_on();
        break;
      }
      broken(Outcome::connect_timeout, "connect",
             "timed out after " + base::format_duration(options_.connect_timeout), now);
      break;
    case State::waiting:
      begin_attempt(now);
      break;
    default:
      record_.longest_gap = std::max(record_.longest_gap, now - heard_);
      broken(Outcome::idle_timeout, "receive",
             "nothing for " + base::format_duration(options_.idle_timeout), now);
  }
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
  if (record_.attempts > options_.retries) {
    end(outcome, std::move(error), now);
    return;
  }
  record_.outcome = outcome;
  record_.error = std::move(error);
  state_ = State::waiting;
  delay_ = retry_delay(options_.retry_delay, record_.attempts - 1, seed_);
  // Never over at once: whoever carries out the actions is to see it.
  phase_until_ = base::later(now, std::max(delay_, base::Duration(1)));
}

void Fetch::end(Outcome outcome, std::string error, base::TimePoint now) {
  if (state_ == State::waiting) {  // what the attempt got is void already
    record_.bytes = record_.lines = 0;
    record_.sha256.reset();
    digest_.reset();
    record_.attempted = base::never;
  }
  finish_digest();
  record_.outcome = outcome;
  record_.error = std::move(error);
  record_.ended = now;
  state_ = State::done;
}

std::string Fetch::text_of(std::string_view what) const {
  std::string text = net::to_string(where_);
  if (record_.address && record_.address->host() != where_.host) {
    text += " (" + net::to_string(*record_.address) + ")";
  }
  return text.append(": ").append(what);
}

}  // namespace poetry::fetch
