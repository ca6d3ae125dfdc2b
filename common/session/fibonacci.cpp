#include "session/fibonacci.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/quantity.hpp"
#include "session/fibonacci_state.hpp"
#include "session/service_kind.hpp"

namespace poetry::session {

/// The process's lease, which its sessions share.
class FibonacciService::Sequence {
 public:
  Sequence(std::string path, std::uint64_t lease) : path_(std::move(path)), lease_(lease) {
    prepare_fibonacci(path_);
  }

  void enter() {
    const std::lock_guard lock(mutex_);
    ++sessions_;
  }

  /// The last one gives back what is left. Where that fails it is skipped, as after a crash.
  void leave() noexcept {
    const std::lock_guard lock(mutex_);
    if (--sessions_ > 0) return;
    drawn_ = 0;
    const auto state = std::move(state_);
    const auto rest = std::exchange(rest_, {});
    if (!state || state->is_inherited() || rest.count == 0) return;
    try {
      state->give_back(rest);
    } catch (const std::exception&) {
      return;
    }
  }

  FibonacciRange::Number draw() {
    const std::lock_guard lock(mutex_);
    if (!state_) state_ = std::make_unique<FibonacciState>(path_);
    if (state_->is_inherited()) {
      throw std::logic_error("draw from " + path_ + ": it was opened before this process forked");
    }
    if (rest_.count == 0) reserve();
    drawn_ = rest_.first;
    return rest_.take();
  }

 private:
  void reserve() {
    try {
      rest_ = state_->reserve(lease_, drawn_);
    } catch (...) {
      state_.reset();  // the next one tries afresh
      throw;
    }
  }

  const std::string path_;
  const std::uint64_t lease_;
  std::mutex mutex_;
  std::size_t sessions_ = 0;
  /// The last position drawn since there are sessions. No lower one is reserved, so that every
  /// client's numbers rise, whatever other processes give back.
  std::int64_t drawn_ = 0;
  std::unique_ptr<FibonacciState> state_;  ///< from the first draw to the end of the last session
  FibonacciRange rest_;                    ///< reserved and not yet drawn
};

/// One client's session: it draws a number when it can be sent, and not before.
class FibonacciService::Answers : public Session {
 public:
  /// Both belong to the service, which outlives its sessions.
  Answers(Sequence& sequence, const std::atomic<bool>& draining)
      : sequence_(sequence), draining_(draining) {
    sequence_.enter();
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;
  ~Answers() override { sequence_.leave(); }

  Step next(base::TimePoint /*now*/) override {
    if (owed_ > 0) {
      answer_ = sequence_.draw().str().append("\n");
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
  Sequence& sequence_;
  const std::atomic<bool>& draining_;
  std::string answer_;
  std::uint64_t owed_ = 0;  ///< numbers, for lines received
  bool in_line_ = false;    ///< what came last has no newline
  bool peer_finished_ = false;
};

FibonacciService::FibonacciService(const std::string& path, std::uint64_t lease)
    : sequence_(std::make_unique<Sequence>(path, lease)) {}

FibonacciService::~FibonacciService() = default;

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
