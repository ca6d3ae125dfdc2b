// One task: connect, receive, retry, give up. It does no I/O and reads no clock: it says what to do
// next and until when, and is told what came of it. Owned by a strategy for as long as the task.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include "base/clock.hpp"
#include "fetch/answer.hpp"
#include "fetch/fetch_options.hpp"
#include "fetch/race.hpp"
#include "fetch/record.hpp"
#include "fetch/servers.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

/// The next action. With `until` comes expired(), should nothing else come before.
struct Resolve {  ///< then lookup_begun() and resolved()
  base::TimePoint until;
};
struct Connect {  ///< a socket for each address, side by side; then connect_ended() for each
  std::span<const net::Address>
      addresses;         ///< those of the last Connect, and perhaps more behind them
  std::size_t over = 0;  ///< so many, from the first on, are no longer tried: close their sockets
  base::TimePoint until;
};
struct Transfer {           ///< send and receive, whatever is possible first
  std::string_view unsent;  ///< valid as long as the options
  std::uint64_t max = 0;    ///< bytes to receive, at most; 0: leave them where they are
  base::TimePoint until;
};
struct HalfClose {};     ///< then half_closed()
struct Wait {            ///< close the connection; what it sent is void
  base::Duration delay;  ///< from the failure on
  base::TimePoint until;
  bool for_turn = false;  ///< the delay is over, and its Wait was told; the pace is waited for
};
struct Done {};  ///< close the connection
using Action = std::variant<Resolve, Connect, Transfer, HalfClose, Wait, Done>;

/// What a socket that was to connect is good for.
enum class Candidate {
  chosen,  ///< it is the connection from now on; the others are to be closed
  failed   ///< to be closed
};

class Fetch {
 public:
  /// Starts the task of this number. Borrows the options and what is expected of the server, if
  /// anything is: a stream that ends otherwise is Outcome::truncated.
  Fetch(net::HostPort where, const FetchOptions& options, std::size_t task, base::TimePoint now,
        const Details* details = nullptr);

  [[nodiscard]] Action next() const;
  [[nodiscard]] bool over() const { return state_ == State::done; }
  /// The action's `until`; `never` where it has none.
  [[nodiscard]] base::TimePoint deadline() const;
  [[nodiscard]] std::size_t task() const { return task_; }
  [[nodiscard]] const net::HostPort& where() const { return where_; }
  [[nodiscard]] const Record& record() const { return record_; }
  Record& record() { return record_; }
  /// Whether the task lacks what others give back when they end (net::is_shortage()), and has done
  /// nothing yet that shows: it may begin anew then, in place of being told of this error.
  [[nodiscard]] bool may_begin_anew(std::error_code error) const;

  /// The name is being looked up, and waits for no other any more: from now on, that takes time.
  void lookup_begun(base::TimePoint now);
  /// Also without lookup_begun(), where there was nothing to look up.
  void resolved(const net::Resolved& found, base::TimePoint now);
  /// The attempt to connect to Connect's address at this index is over, without an error or with
  /// one. Not after one was chosen, nor after Connect has ceased to be the next action.
  Candidate connect_ended(std::size_t index, std::error_code error, base::TimePoint now);
  void sent(std::size_t bytes, base::TimePoint now);
  void send_failed(std::error_code error, base::TimePoint now);
  void half_closed(base::TimePoint now);
  /// Returns those of the bytes, which are never none, that count: all but what goes beyond
  /// max_bytes or an end mark.
  std::string_view received(std::string_view bytes, base::TimePoint now);
  void stream_ended(base::TimePoint now);
  void receive_failed(std::error_code error, base::TimePoint now);
  /// The time of the action's `until` has come. Does nothing before that.
  void expired(base::TimePoint now);
  void interrupt(base::TimePoint now);
  /// What was received could not be written; `message` says where and why.
  void output_failed(const std::string& message, base::TimePoint now);

 private:
  enum class State { resolving, connecting, transferring, half_closing, waiting, done };

  void begin_attempt(base::TimePoint now);
  void race_on();
  void note_activity(base::TimePoint now);
  [[nodiscard]] std::string_view unsent() const;
  [[nodiscard]] base::TimePoint silent_until() const;
  void look_for_room(base::TimePoint now);
  void conclude(const Answer::Verdict& verdict, base::TimePoint now);
  void be_silent_too_long(base::TimePoint now);
  void broken(Outcome outcome, std::string_view step, const std::string& what, base::TimePoint now);
  void end(Outcome outcome, std::string error, base::TimePoint now);
  [[nodiscard]] std::string text_of(std::string_view what) const;

  net::HostPort where_;
  const FetchOptions& options_;
  const std::optional<std::string>& send_;
  const Expected* expected_;
  std::size_t task_;
  std::uint64_t seed_;
  Record record_;
  State state_ = State::resolving;
  base::TimePoint task_until_;
  base::TimePoint attempt_until_ = base::never;  // to resolve and connect
  base::TimePoint phase_until_ = base::never;    // of what is under way
  base::TimePoint heard_ = base::never;          // when the server was last heard
  base::TimePoint active_ = base::never;         // or has taken something
  base::Duration delay_{};                       // before the attempt that is waited for
  Race race_;
  bool full_ = false;      // what is received has no place to go at the moment
  bool has_turn_ = false;  // for the next attempt, where there is a pace
  std::error_code send_error_;
  std::error_code reset_;  // found before what the server sent ahead of it was read
  Answer answer_;          // of this attempt
};

}  // namespace poetry::fetch
