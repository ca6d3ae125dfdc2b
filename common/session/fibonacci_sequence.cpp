#include "session/fibonacci_sequence.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace poetry::session {
namespace {

/// What has fewer bits is made into digits at once, within microseconds.
constexpr unsigned quick_bits = 2048;
/// Those whose numbers are there are told so often, while more are being made.
constexpr auto news_interval = std::chrono::milliseconds(10);
/// With no descriptor left for the state, try again so soon: the end of any connection gives one.
constexpr auto descriptor_retry = std::chrono::milliseconds(50);

bool is_quick(const FibonacciRange& range) {
  return boost::multiprecision::msb(range.number) < quick_bits;
}

/// Whether there are as many as SQLite takes for a state.
bool are_descriptors_free() {
  std::array<base::Fd, 4> probes;
  for (auto& probe : probes) probe = base::Fd(::eventfd(0, EFD_CLOEXEC));
  return static_cast<bool>(probes.back());
}

std::string text_of(const FibonacciRange& range) { return range.number.str().append("\n"); }

}  // namespace

FibonacciSequence::FibonacciSequence(std::string path, std::uint64_t lease)
    : path_(std::move(path)), lease_(lease) {
  prepare_fibonacci(path_);
}

FibonacciSequence::~FibonacciSequence() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

int FibonacciSequence::readable() {
  const std::lock_guard lock(mutex_);
  if (!news_) news_ = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!news_) base::throw_errno("make", "an eventfd");
  return news_.get();
}

bool FibonacciSequence::take_news() {
  eventfd_t count = 0;
  return ::eventfd_read(readable(), &count) == 0;
}

bool FibonacciSequence::busy() {
  const std::lock_guard lock(mutex_);
  return !forked() &&
         (drawing_ || !waiting_.empty() || !returned_.empty() || (sessions_ == 0 && open_));
}

void FibonacciSequence::enter() {
  if (forked()) return;
  const std::lock_guard lock(mutex_);
  ++sessions_;
}

void FibonacciSequence::leave() {
  if (forked()) return;
  const std::lock_guard lock(mutex_);
  --sessions_;
  wake_.notify_one();
}

std::shared_ptr<Draw> FibonacciSequence::ask() {
  if (forked()) {
    throw std::logic_error("draw from " + path_ + ": it was opened before this process forked");
  }
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

bool FibonacciSequence::is_done(const Draw& draw) {
  const std::lock_guard lock(mutex_);
  if (draw.failure) std::rethrow_exception(draw.failure);
  return draw.done;
}

void FibonacciSequence::abandon(const std::shared_ptr<Draw>& draw) {
  if (forked()) return;
  const std::lock_guard lock(mutex_);
  draw->abandoned = true;
  if (std::erase(waiting_, draw) > 0 || !draw->done) return;
  returned_.push_back(std::move(draw->number));
  wake_.notify_one();
}

void FibonacciSequence::run() {
  Lock lock(mutex_);
  for (;;) {
    if (!waiting_.empty()) {
      serve(lock);
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
void FibonacciSequence::serve(Lock& lock) {
  auto draws = std::exchange(waiting_, {});
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
void FibonacciSequence::fill(Lock& lock, std::size_t wanted) {
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
void FibonacciSequence::give_back(Lock& lock, const FibonacciRange& range) {
  if (!open_) return;
  lock.unlock();
  try {
    state_->give_back(range);
  } catch (const std::exception&) {
    state_.reset();
  }
  lock.lock();
  open_ = state_ != nullptr;
}

void FibonacciSequence::take_next(Draw& draw) {
  draw.number = {rest_.first, 1, rest_.number, rest_.following};
  drawn_ = rest_.first;
  rest_.take();
}

void FibonacciSequence::notify() {
  if (news_) ::eventfd_write(news_.get(), 1);
}

}  // namespace poetry::session
