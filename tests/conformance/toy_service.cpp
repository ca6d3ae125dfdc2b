#include "conformance/toy_service.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

namespace poetry::conformance {
namespace {

/// A larger number counts as this one.
constexpr unsigned largest_number = 1000;
/// With so many numbers waiting, input is left with the kernel, which holds the client back. One
/// read may bring more than that, but no more than an engine's buffer holds.
constexpr std::size_t max_waiting = 16;

class CountdownSession : public session::Session {
 public:
  /// `draining` belongs to the service, which outlives its sessions.
  CountdownSession(base::Duration tick, const std::atomic<bool>& draining, base::TimePoint start)
      : tick_(tick), draining_(draining), due_(start) {}

  session::Step next(base::TimePoint now) override {
    const bool takes_more = !peer_finished_ && !draining_;
    if (!number_ && !begin(now))
      return takes_more ? session::Step{session::Listen{}} : session::Step{session::Finish{}};
    if (due_ > now) {
      const bool has_room = takes_more && waiting_.size() < max_waiting;
      return has_room ? session::Step{session::Listen{due_}} : session::Step{session::Pause{due_}};
    }
    said_ = std::to_string(*number_) + "\n";
    number_ = *number_ == 0 ? std::nullopt : std::optional(*number_ - 1);
    due_ = base::later(due_, tick_);
    return session::Write{said_};
  }

  void receive(std::string_view bytes) override {
    if (bytes.empty()) peer_finished_ = true;
    for (const char byte : bytes) {
      if (byte >= '0' && byte <= '9') {
        line_ = std::min(line_ * 10 + static_cast<unsigned>(byte - '0'), largest_number);
      } else if (byte == '\n') {
        waiting_.push_back(line_);
        line_ = 0;
      }
    }
  }

 private:
  /// Turns to the next number that waits, if there is one: at once, or a tick after the last one.
  bool begin(base::TimePoint now) {
    if (waiting_.empty()) return false;
    number_ = waiting_.front();
    waiting_.pop_front();
    due_ = std::max(due_, now);
    return true;
  }

  base::Duration tick_;
  const std::atomic<bool>& draining_;
  base::TimePoint due_;             // of the next number
  std::optional<unsigned> number_;  // the next to say; none between two countdowns
  std::deque<unsigned> waiting_;    // where later countdowns begin
  unsigned line_ = 0;               // the number that the input has begun
  bool peer_finished_ = false;
  std::string said_;  // backs the last Write
};

}  // namespace

std::unique_ptr<session::Session> Countdown::open(const session::Peer& /*peer*/,
                                                  base::TimePoint now) {
  return std::make_unique<CountdownSession>(tick_, draining_, now);
}

}  // namespace poetry::conformance
