#include "session/fibonacci.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/quantity.hpp"
#include "session/fibonacci_sequence.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {

/// One client's session: it draws a number when it can be sent, and not before.
class FibonacciService::Answers : public Session {
 public:
  /// Both belong to the service, which outlives its sessions.
  Answers(FibonacciSequence& sequence, const std::atomic<bool>& draining)
      : sequence_(sequence), draining_(draining) {
    sequence_.enter();
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;
  ~Answers() override {
    if (draw_) sequence_.abandon(draw_);
    sequence_.leave();
  }

  Step next(base::TimePoint /*now*/) override {
    if (owed_ > 0 && !draw_) draw_ = sequence_.ask();
    if (draw_) {
      if (!is_done()) return Listen{};  // its news ends the wait
      answer_ = std::move(draw_->text);
      draw_.reset();
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
  bool is_done() {
    try {
      return sequence_.is_done(*draw_);
    } catch (const std::exception&) {
      draw_.reset();
      throw;
    }
  }

  FibonacciSequence& sequence_;
  const std::atomic<bool>& draining_;
  std::shared_ptr<Draw> draw_;  // that it waits for
  std::string answer_;
  std::uint64_t owed_ = 0;  ///< numbers, for lines received
  bool in_line_ = false;    ///< what came last has no newline
  bool peer_finished_ = false;
};

FibonacciService::FibonacciService(const std::string& path, std::uint64_t lease)
    : sequence_(std::make_unique<FibonacciSequence>(path, lease)) {}

FibonacciService::~FibonacciService() = default;

Refresh FibonacciService::refresh(base::TimePoint /*now*/) {
  const bool news = sequence_->take_news();
  return {.news = news, .readable = sequence_->readable(), .busy = sequence_->busy()};
}

std::unique_ptr<Session> FibonacciService::open(const Peer& /*peer*/, base::TimePoint /*now*/) {
  return std::make_unique<Answers>(*sequence_, draining_);
}

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
