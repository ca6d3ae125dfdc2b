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
      task_until_(limit(now, options.timeout)),
      end_mark_(options.until) {
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
      return Wait{delay_, deadline()};
    case State::done:
      break;
  }
  return Done{};
}

std::string_view Fetch::unsent() const {
  if (!options_.send || send_error_) return {};
  return std::string_view(*options_.send).substr(sent_);
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
  sent_ = 0;
  full_ = false;
  send_error_ = reset_ = {};
  last_byte_ = '\n';
  end_mark_ = EndMark(options_.until);
  answer_.clear();
  digest_.reset();
  if (options_.digests == Digests::yes || (expected_ != nullptr && expected_->sha256)) {
    digest_.emplace();
  }
}

bool Fetch::may_begin_anew(std::error_code error) const {
  const bool first_socket = state_ == State::resolving || race_.tried().size() == 1;
  return net::is_shortage(error) && record_.attempts == 1 && first_socket;
}

void Fetch::lookup_begun(base::TimePoint now) {
  attempt_until_ = phase_until_ = limit(now, options_.connect_timeout);
}

void Fetch::resolved(const net::Resolved& found, base::TimePoint now) {
  if (found.addresses.empty()) {
    broken(Outcome::resolve, "resolve", found.error.message(), now);
    return;
  }
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
      const auto which = race_.size() == 1
                             ? std::string()
                             : " (the last of " + std::to_string(race_.size()) + " addresses)";
      broken(Outcome::connect, "connect", race_.error(race_.leader()).message() + which, now);
    }
    return Candidate::failed;
  }
  if (reset) reset_ = error;
  record_.address = race_.tried()[index];
  connected(now);
  return Candidate::chosen;
}

void Fetch::connected(base::TimePoint now) {
  record_.connected = heard_ = active_ = now;
  phase_until_ = limit(now, options_.idle_timeout);
  const bool nothing_to_send = options_.send && options_.send->empty();
  const bool closes = options_.after_send == AfterSend::half_close;
  state_ = nothing_to_send && closes ? State::half_closing : State::transferring;
}

void Fetch::sent(std::size_t bytes, base::TimePoint now) {
  sent_ += bytes;
  active_ = now;
  if (!full_) phase_until_ = std::min(limit(now, options_.idle_timeout), silent_until());
  const bool closes = options_.after_send == AfterSend::half_close;
  if (sent_ == options_.send->size() && closes) state_ = State::half_closing;
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
  bytes = bytes.substr(0, options_.max_bytes - record_.bytes);
  const auto whole = end_mark_.find(bytes);
  if (whole) bytes = bytes.substr(0, *whole);
  count(bytes, now);
  note_activity(now);
  if (whole) {
    be_whole(now);
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

void Fetch::count(std::string_view bytes, base::TimePoint now) {
  if (record_.first_byte == base::never) record_.first_byte = now;
  if (options_.max_arrivals > 0) record_.arrivals.add(now, options_.max_arrivals);
  if (digest_) digest_->update(bytes);
  if (options_.check) answer_ += bytes.substr(0, options_.check->max_bytes() - answer_.size());
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
  if (send_error_) {
    broken(Outcome::reset, "send", send_error_.message(), now);
  } else if (const std::string what = end_mark_.missing(record_.lines); !what.empty()) {
    broken(Outcome::truncated, {}, what, now);
  } else {
    be_whole(now);
  }
}

/// Unless it differs from what was expected.
void Fetch::be_whole(base::TimePoint now) {
  if (digest_) record_.sha256 = digest_->finish_digest();
  digest_.reset();
  if (const std::string what = difference(); !what.empty()) {
    broken(Outcome::truncated, {}, what, now);
    return;
  }
  const std::string lacks = options_.check ? options_.check->mismatch(answer_) : "";
  if (!lacks.empty()) {
    broken(Outcome::unexpected, {}, lacks, now);
  } else {
    end(Outcome::ok, {}, now);
  }
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
      broken(Outcome::connect_timeout, "connect", connect_timed_out(), now);
      break;
    case State::waiting:
      begin_attempt(now);
      break;
    default:
      if (full_) {
        look_for_room(now);
        break;
      }
      record_.longest_gap = std::max(record_.longest_gap, now - heard_);
      if (now >= silent_until()) {
        be_whole(now);
      } else {
        be_silent_too_long(now);
      }
  }
}

std::string Fetch::connect_timed_out() const {
  auto text = "timed out after " + base::format_duration(options_.connect_timeout);
  if (race_.size() > 1) {
    text += " (" + std::to_string(race_.tried().size()) + " of " + std::to_string(race_.size()) +
            " addresses tried)";
  }
  return text;
}

void Fetch::be_silent_too_long(base::TimePoint now) {
  const auto limit = base::format_duration(options_.idle_timeout);
  if (!unsent().empty()) {
    broken(Outcome::idle_timeout, "send",
           "nothing taken for " + limit + ", after " + std::to_string(sent_) + " of " +
               base::counted(options_.send->size(), "byte"),
           now);
    return;
  }
  const bool has_an_end = options_.after_send == AfterSend::half_close ||
                          options_.until_idle.count() > 0 || options_.until.lines > 0 ||
                          !options_.until.text.empty();
  // The server may wait for more than was sent, or has said all.
  const auto* const helps = options_.send && !has_an_end ? " (see --half-close and --until)" : "";
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
    record_.attempted = base::never;
  }
  digest_.reset();
  if (outcome != Outcome::ok) record_.sha256.reset();
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
