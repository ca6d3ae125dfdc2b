// The strategy of a thread for each task. The thread that runs it starts and joins the others and
// watches for signals, which end them all at once.
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/fd.hpp"
#include "fetch/blocking_task.hpp"
#include "fetch/strategies.hpp"
#include "fetch/task_queue.hpp"
#include "reactor/timeout.hpp"

namespace poetry::fetch {
namespace {

// Of a thread: the deepest calls, of getnameinfo(3) and of what the observer writes, take some
// tens of KiB; the usual 8 MiB a thread would exhaust address space where that is limited.
constexpr std::size_t stack_bytes = std::size_t{256} << 10;
// Each thread has a buffer of its own.
constexpr std::size_t buffer_bytes = std::size_t{64} << 10;
// Threads started before the others are looked after again.
constexpr int max_starts = 256;

/// Lets one thread in at a time. An observer that has raised is not called again.
class OneAtATime final : public Observer {
 public:
  explicit OneAtATime(Observer& observer) : observer_(observer) {}

  void began(std::size_t task, base::TimePoint now) override {
    call([&] { observer_.began(task, now); });
  }
  std::string received(std::size_t task, const Record& record, std::string_view bytes) override {
    std::string failure;
    call([&] { failure = observer_.received(task, record, bytes); });
    return failure;
  }
  void retrying(std::size_t task, const Record& record, base::Duration delay) override {
    call([&] { observer_.retrying(task, record, delay); });
  }
  void ended(std::size_t task, Record& record) override {
    call([&] { observer_.ended(task, record); });
  }

 private:
  template <typename Call>
  void call(const Call& what) {
    const std::lock_guard lock(mutex_);
    if (raised_) return;
    raised_ = true;  // unless it returns
    what();
    raised_ = false;
  }

  std::mutex mutex_;
  Observer& observer_;
  bool raised_ = false;
};

/// Runs the tasks of one batch.
class Crowd {
 public:
  Crowd(const Batch& batch, Observer& observer, net::Signals& signals)
      : batch_(batch),
        signals_(signals),
        observer_(observer),
        lookups_(Resolver::make_lookups(batch.lookup)),
        queue_(batch, observer_) {}

  ~Crowd() {
    while (threads_ > 0) {
      stop_.set();
      pollfd polled{ended_.get(), POLLIN, 0};
      reactor::poll_until({&polled, 1}, base::later(base::Clock::now(), Stop::repeat));
      join_ended();
    }
  }

  Result run() {
    for (;;) {
      const base::TimePoint next = start_some();
      if (threads_ == 0 && next == base::never) break;  // no task is left: one could have begun
      wait(next);
      join_ended();
      const std::lock_guard lock(mutex_);
      if (error_) std::rethrow_exception(error_);
    }
    return queue_.take(wakeups_);
  }

 private:
  struct Thread {
    Crowd& crowd;
    std::size_t task;
    pthread_t handle{};
    std::unique_ptr<Thread> next{};  // that is to be joined, so that no end takes memory
  };

  // When more can be started, before a thread has ended.
  base::TimePoint start_some() {
    for (int starts = 0; starts < max_starts; ++starts) {
      std::unique_lock lock(mutex_);
      const auto task = queue_.begin(base::Clock::now());
      const base::TimePoint due = queue_.next_turn();
      lock.unlock();
      if (!task || !start(*task)) return due;
    }
    return base::TimePoint::min();
  }

  // False where a thread can be had only once another has ended.
  bool start(std::size_t task) {
    auto thread = std::make_unique<Thread>(Thread{*this, task});
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_bytes);
    const int error = ::pthread_create(
        &thread->handle, &attributes,
        [](void* started) -> void* {
          std::unique_ptr<Thread> self(static_cast<Thread*>(started));
          Crowd& crowd = self->crowd;
          crowd.carry_out(std::move(self));
          return nullptr;
        },
        thread.get());
    ::pthread_attr_destroy(&attributes);
    if (error == 0) {
      [[maybe_unused]] const Thread* const its_own = thread.release();
      ++threads_;
      return true;
    }
    if (error != EAGAIN || threads_ == 0)
      throw std::system_error(error, std::generic_category(), "start a thread");
    const std::lock_guard lock(mutex_);
    queue_.put_back(task, {error, std::generic_category()});
    return false;
  }

  // For a thread to end, or a signal.
  void wait(base::TimePoint until) {
    std::array<pollfd, 2> polled{pollfd{signals_.fd(), POLLIN, 0}, pollfd{ended_.get(), POLLIN, 0}};
    const auto again = base::later(base::Clock::now(), Stop::repeat);
    reactor::poll_until(polled, stop_.is_set() ? std::min(until, again) : until);
    const bool told = polled[0].revents != 0 && signals_.take();  // also a further one
    const bool interrupted = told || stop_.is_set();
    if (interrupted) stop_.set();
    const std::lock_guard lock(mutex_);
    ++wakeups_;
    if (interrupted) queue_.interrupt();
  }

  void join_ended() {
    std::unique_lock lock(mutex_);
    eventfd_t count = 0;
    ::eventfd_read(ended_.get(), &count);
    auto thread = std::move(to_join_);
    lock.unlock();
    for (; thread; thread = std::move(thread->next), --threads_)
      ::pthread_join(thread->handle, nullptr);
  }

  // All that a thread does.
  void carry_out(std::unique_ptr<Thread> self) {
    std::exception_ptr error;
    try {
      run_task(self->task);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    self->next = std::move(to_join_);
    to_join_ = std::move(self);
    ::eventfd_write(ended_.get(), 1);
  }

  void run_task(std::size_t task) {
    SocketIo socket_io(observer_, buffer_bytes);
    BlockingTask one(batch_, task, observer_, socket_io, lookups_, stop_);
    if (const auto shortage = one.run(IfShort::stop)) {
      std::unique_lock lock(mutex_);
      if (!queue_.alone()) {
        wakeups_ += one.wakeups();
        queue_.put_back(task, shortage);
        return;
      }
      lock.unlock();
      one.run(IfShort::fail);
    }
    const std::lock_guard lock(mutex_);
    wakeups_ += one.wakeups();
    queue_.finish(one.fetch());
  }

  const Batch& batch_;
  net::Signals& signals_;
  OneAtATime observer_;
  std::shared_ptr<Resolver::Lookups> lookups_;
  Stop stop_;
  base::Fd ended_ = base::make_eventfd();  // readable while ended threads are to be joined
  std::size_t threads_ = 0;                // not joined

  std::mutex mutex_;  // guards the rest; taken before the observer's
  TaskQueue queue_;
  std::unique_ptr<Thread> to_join_;
  std::uint64_t wakeups_ = 0;
  std::exception_ptr error_;  // the first
};

}  // namespace

Result run_threads(const Batch& batch, Observer& observer, net::Signals& signals) {
  return Crowd(batch, observer, signals).run();
}

}  // namespace poetry::fetch
