// One process's share of a state file: numbers are drawn in a thread of its own, so that nothing
// that can block (another's lock, a slow disk, digits of a huge number) holds up who serves. All
// draws that wait are served by one transaction. Owned by a FibonacciService and shared by its
// sessions.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/log.hpp"
#include "session/fibonacci_state.hpp"

namespace poetry::session {

/// A process reserves so many numbers at most, since advancing the state costs an addition each,
/// while all other processes wait.
inline constexpr std::uint64_t max_lease = 10'000;

/// What a line is answered with. A session holds one as long as it waits.
struct Draw {
  FibonacciRange number;  ///< one position
  std::string text;       ///< of the number, and a newline
  std::exception_ptr failure;
  bool done = false;
  bool abandoned = false;  ///< nobody waits any more
};

/// Any thread may call any function; none of them waits. A process that is forked from one that has
/// drawn may use sessions as little as the state, and ends by _exit(2).
class FibonacciSequence {
 public:
  /// Creates the state or checks it, see prepare_fibonacci(). Reserves `lease` numbers at a time,
  /// or as many as are waited for.
  FibonacciSequence(std::string path, std::uint64_t lease) : path_(std::move(path)), lease_(lease) {
    prepare_fibonacci(path_);
  }
  /// Gives back what is reserved and not drawn, unless another's lock is in the way.
  ~FibonacciSequence() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  /// Readable when draws are done that were not at once. Raises std::system_error.
  int readable() {
    const std::lock_guard lock(mutex_);
    if (!news_)
      ::eventfd_write((news_ = base::make_eventfd()).get(), 1);  // for what is done already
    return news_.get();
  }
  /// Whether draws are done since the last call; then what is readable is taken.
  bool take_news() {
    eventfd_t count = 0;
    return ::eventfd_read(readable(), &count) == 0;
  }
  /// Whether draws wait, or what is left is being given back.
  bool busy() {
    const std::lock_guard lock(mutex_);
    return !forked() &&
           (drawing_ || !waiting_.empty() || !returned_.empty() || (sessions_ == 0 && open_));
  }

  /// A session begins and ends. While there is any, the lease is kept.
  void enter() {
    if (forked()) return;
    const std::lock_guard lock(mutex_);
    ++sessions_;
  }
  void leave() {
    if (forked()) return;
    const std::lock_guard lock(mutex_);
    --sessions_;
    wake_.notify_one();
  }

  /// Asks for the next number. Raises std::logic_error in a process that was forked from the one
  /// that drew before, see ~FibonacciState().
  std::shared_ptr<Draw> ask() {
    if (forked())
      throw std::logic_error("draw from " + path_ + ": it was opened before this process forked");
    auto draw = std::make_shared<Draw>();
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() && rest_.count > 0 && is_quick(rest_)) {
      take_next(*draw);
      draw->text = text_of(draw->number);
      draw->done = true;
      return draw;
    }
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { run(); });
      process_ = ::getpid();
    }
    waiting_.push_back(draw);
    wake_.notify_one();
    return draw;
  }
  /// Whether it is done. Passes on what failed.
  bool is_done(const Draw& draw) {
    const std::lock_guard lock(mutex_);
    if (draw.failure) std::rethrow_exception(draw.failure);
    return draw.done;
  }
  /// Nobody waits for this one any more, or nobody will send it: its number is free again.
  void abandon(const std::shared_ptr<Draw>& draw) {
    if (forked()) return;
    const std::lock_guard lock(mutex_);
    draw->abandoned = true;
    if (std::erase(waiting_, draw) > 0 || !draw->done) return;
    returned_.push_back(std::move(draw->number));
    wake_.notify_one();
  }

 private:
  using Lock = std::unique_lock<std::mutex>;

  /// Those whose numbers are there are told so often, while more are being made.
  static constexpr auto news_interval = std::chrono::milliseconds(10);
  /// With no descriptor left for the state, try again so soon: the end of any connection gives one.
  static constexpr auto descriptor_retry = std::chrono::milliseconds(50);

  /// What has fewer bits is made into digits at once, within microseconds.
  static bool is_quick(const FibonacciRange& range) {
    return boost::multiprecision::msb(range.number) < 2048;
  }

  static std::string text_of(const FibonacciRange& range) { return range.number.str() + "\n"; }

  /// Whether there are as many as SQLite takes for a state.
  static bool are_descriptors_free() {
    std::array<base::Fd, 4> probes;
    for (auto& probe : probes) probe = base::Fd(::eventfd(0, EFD_CLOEXEC));
    return static_cast<bool>(probes.back());
  }

  void run() {
    Lock lock(mutex_);
    for (;;) {
      if (!waiting_.empty()) {
        try {
          serve(lock);
        } catch (const std::bad_alloc&) {  // before it took any
          wake_.wait_for(lock, descriptor_retry);
        }
      } else if (!returned_.empty()) {
        const auto range = std::move(returned_.back());
        returned_.pop_back();
        give_back(lock, range);
      } else if (sessions_ == 0 && open_) {
        drawn_ = 0;
        const auto rest = std::exchange(rest_, {});
        if (rest.count > 0) give_back(lock, rest);
        lock.unlock();
        state_.reset();
        lock.lock();
        open_ = false;
        notify();
      } else if (stopping_) {
        return;
      } else {
        wake_.wait(lock);
      }
    }
  }

  /// All that wait, in their order.
  void serve(Lock& lock) {
    decltype(waiting_) draws;  // which takes memory
    draws.swap(waiting_);
    drawing_ = true;
    auto told = base::Clock::now();
    try {
      for (; !draws.empty(); draws.pop_front()) {
        while (rest_.count == 0) fill(lock, draws.size());
        auto& draw = *draws.front();
        if (draw.abandoned) continue;
        take_next(draw);
        lock.unlock();
        auto text = text_of(draw.number);
        const auto now = base::Clock::now();
        lock.lock();
        draw.text = std::move(text);
        draw.done = true;
        if (draw.abandoned) returned_.push_back(std::move(draw.number));
        if (now - told < news_interval) continue;
        notify();
        told = now;
      }
    } catch (const std::exception&) {
      if (!lock.owns_lock()) lock.lock();
      for (const auto& draw : draws) draw->failure = std::current_exception();
    }
    drawing_ = false;
    notify();
  }

  /// Reserves numbers; without a descriptor for the state, later. The next one tries afresh after
  /// what this raises.
  void fill(Lock& lock, std::size_t wanted) {
    const auto count = std::max(lease_, std::min<std::uint64_t>(wanted, max_lease));
    const auto after = drawn_;
    open_ = true;
    lock.unlock();
    try {
      if (!state_) state_ = std::make_unique<FibonacciState>(path_, stopping_);
      auto range = state_->reserve(count, after, reserved_);
      lock.lock();
      rest_ = std::move(range);
      reserved_ = std::max(reserved_, rest_.first + static_cast<std::int64_t>(rest_.count) - 1);
    } catch (...) {
      state_.reset();
      const bool short_of_descriptors = !are_descriptors_free();
      lock.lock();
      open_ = false;
      if (!short_of_descriptors || stopping_) throw;
      wake_.wait_for(lock, descriptor_retry);
    }
  }

  /// Where that fails they are skipped, as after a crash.
  void give_back(Lock& lock, const FibonacciRange& range) {
    if (!open_) return;
    lock.unlock();
    try {
      state_->give_back(range);
    } catch (const std::exception& error) {
      base::log_info("{}; what is not drawn is skipped", error.what());
      state_.reset();
    }
    lock.lock();
    open_ = state_ != nullptr;
  }

  void take_next(Draw& draw) {
    draw.number = {rest_.first, 1, rest_.number, rest_.following};
    drawn_ = rest_.first;
    rest_.take();
  }

  void notify() {
    if (news_) ::eventfd_write(news_.get(), 1);
  }

  [[nodiscard]] bool forked() const { return process_ != 0 && process_ != ::getpid(); }

  const std::string path_;
  const std::uint64_t lease_;
  base::Fd news_;  // an eventfd(2)
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::size_t sessions_ = 0;
  std::deque<std::shared_ptr<Draw>> waiting_;
  std::vector<FibonacciRange> returned_;  // drawn and not sent
  FibonacciRange rest_;                   // reserved and not drawn
  /// The last position drawn since there are sessions. No lower one is reserved, so that every
  /// client's numbers rise, whatever is given back.
  std::int64_t drawn_ = 0;
  std::int64_t reserved_ = 0;  // the last position that was ever reserved here
  bool drawing_ = false;
  bool open_ = false;                      // the state, from the first draw to the last session
  std::atomic<pid_t> process_ = 0;         // that has the thread
  std::unique_ptr<FibonacciState> state_;  // the thread's
  std::thread thread_;
};

}  // namespace poetry::session
