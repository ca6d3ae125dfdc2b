// The fibonacci service: for each line that a client sends, the next number of one sequence (1, 2,
// 3, 5, 8 ...) that all clients of a state file share, exact at any size, and a newline. No number
// is ever sent twice, whatever ends the process. The state itself is fibonacci_state.hpp's.
#include <algorithm>
#include <utility>

#include "base/quantity.hpp"
#include "session/fibonacci_sequence.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

struct FibonacciSettings {
  std::uint64_t lease = 1;  ///< numbers to reserve at a time
};

/// One client's session: it draws a number when it can be sent, and not before.
class FibonacciSession : public Session {
 public:
  /// Both belong to the service, which outlives its sessions.
  FibonacciSession(FibonacciSequence& sequence, const std::atomic<bool>& draining)
      : sequence_(sequence), draining_(draining) {
    sequence_.enter();
  }
  FibonacciSession(const FibonacciSession&) = delete;
  FibonacciSession& operator=(const FibonacciSession&) = delete;
  ~FibonacciSession() override {
    if (draw_) sequence_.abandon(draw_);
    sequence_.leave();
  }

  Step next(base::TimePoint /*now*/) override {
    if (owed_ > 0 && !draw_) draw_ = sequence_.ask();
    if (auto draw = std::exchange(draw_, nullptr)) {  // which is over where it has failed
      if (!sequence_.is_done(*draw)) {
        draw_ = std::move(draw);
        return Listen{};  // its news ends the wait
      }
      answer_ = std::move(draw->text);
      --owed_;
      return Write{answer_};
    }
    answer_ = std::string();  // not clear(), which would keep the memory of a session at rest
    if (peer_finished_ || draining_) return Finish{};
    return Listen{};
  }

  void receive(std::string_view bytes) override {
    if (bytes.empty()) {
      if (in_line_) ++owed_;
      peer_finished_ = true;
      return;
    }
    owed_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    in_line_ = bytes.back() != '\n';
  }

 private:
  FibonacciSequence& sequence_;
  const std::atomic<bool>& draining_;
  std::shared_ptr<Draw> draw_;  // that it waits for
  std::string answer_;
  std::uint64_t owed_ = 0;  ///< numbers, for lines received
  bool in_line_ = false;    ///< what came last has no newline
  bool peer_finished_ = false;
};

/// Steps of many sessions may run at once, and none of them waits: a thread draws, see
/// fibonacci_sequence.hpp, and its news has the sessions go on. The state file is opened by the
/// first draw and closed when the last session has ended, so that a process which forks has neither
/// as long as only its children draw.
class FibonacciService : public Service {
 public:
  /// Creates the state file, or checks it and leaves it closed. Raises what prepare_fibonacci()
  /// does. Reserves `lease` numbers at a time, 1 to max_lease, or one for each client that waits:
  /// a crash skips no more than that.
  FibonacciService(const std::string& path, std::uint64_t lease) : sequence_(path, lease) {}
  std::unique_ptr<Session> open(const Peer& /*peer*/, base::TimePoint /*now*/) override {
    return std::make_unique<FibonacciSession>(sequence_, draining_);
  }
  Refresh refresh(base::TimePoint /*now*/) override {
    const bool news = sequence_.take_news();
    return {.news = news, .readable = sequence_.readable(), .busy = sequence_.busy()};
  }
  /// From now on a session that owes no number finishes.
  void drain() override { draining_ = true; }

 private:
  FibonacciSequence sequence_;
  std::atomic<bool> draining_{false};
};

}  // namespace

ServiceKind fibonacci_kind() {
  static const Setters<FibonacciSettings> setters{
      {"lease", [](FibonacciSettings& settings, std::string_view v) {
         settings.lease = base::parse_count(v, "lease", 1, max_lease);
       }}};
  return kind_with(setters, "fibonacci", "STATE",
                   [](const ServiceSpec& spec, const FibonacciSettings& settings) {
                     return std::make_shared<FibonacciService>(spec.argument, settings.lease);
                   });
}

}  // namespace poetry::session
