// The engine with a thread a connection: each thread blocks for its own client, while the thread
// of serve() accepts, refreshes the services and alone calls the host.
#include <pthread.h>
#include <sys/eventfd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <semaphore>

#include "base/error.hpp"
#include "engine/blocking.hpp"
#include "engine/engine.hpp"

namespace poetry::engine {
namespace {

/// What a client sends is read in pieces of at most this size, on the thread's stack.
constexpr std::size_t thread_buffer = std::size_t{16} << 10U;
/// Holds the buffer, the calls of a session and of the log, and a sanitizer's wider frames. What
/// of it is never touched costs address space alone.
constexpr std::size_t stack_size = std::size_t{256} << 10U;
/// Wakes a thread: it is blocked but while that waits, and so never lost. Nobody minds one that
/// comes from elsewhere.
constexpr int wake_signal = SIGURG;
/// The descriptor that the engine itself takes, for what is over.
constexpr std::uint64_t thread_descriptors = 1;

class ThreadsLoop : public Loop {
 public:
  ThreadsLoop(reactor::Multiplexer& multiplexer, std::span<Port> ports, Host& host,
              const EngineOptions& options)
      : Loop(multiplexer, ports, host, options), finished_(base::make_eventfd()) {
    events().watch(finished_.get(), reactor::Interest::read, reaper_);
    std::signal(wake_signal, [](int) {});  // ignored, it would end no wait
    sigset_t woken{};
    ::sigemptyset(&woken);
    ::sigaddset(&woken, wake_signal);
    ::pthread_sigmask(SIG_BLOCK, &woken, &before_);
    waiting_ = before_;
    ::sigdelset(&waiting_, wake_signal);
  }
  ~ThreadsLoop() override { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  /// A connection and its thread, which may use it from begin() to finish().
  struct Worker : Outside {
    explicit Worker(ThreadsLoop& its_loop) : loop(its_loop) { mask = &loop.waiting_; }
    ~Worker() override { join(); }

    Notice take(base::TimePoint /*now*/) override { return notice.exchange(Notice::nothing); }

    void start() {
      pthread_attr_t attributes{};
      ::pthread_attr_init(&attributes);
      ::pthread_attr_setstacksize(&attributes, stack_size);
      const auto body = [](void* worker) -> void* {
        static_cast<Worker*>(worker)->run();
        return nullptr;
      };
      const int error = ::pthread_create(&thread, &attributes, body, this);
      ::pthread_attr_destroy(&attributes);
      if (error != 0) throw_no_process(error, "start a thread");
      started = true;
    }

    void run() {
      begin.acquire();
      if (!connection) return;
      std::array<char, thread_buffer> buffer;  // not cleared, which would touch all of its pages
      run_blocking(*connection, *this, buffer);
      connection->close();
      over_at = base::Clock::now();
      loop.finish(*this);
    }
    void join() {
      if (!started) return;
      begin.release();  // had it not begun, it ends without a connection
      ::pthread_join(thread, nullptr);
      started = false;
    }

    ThreadsLoop& loop;
    pthread_t thread{};
    bool started = false;
    std::counting_semaphore<2> begin{0};
    std::optional<Connection> connection;
    std::atomic<Notice> notice{Notice::nothing};
    base::TimePoint over_at;
    Worker* next_finished = nullptr;
    std::list<Worker>::iterator self;
  };

  void admit(AcceptedSocket& accepted, const SharedTerms& terms) override {
    std::list<Worker> fresh;
    auto& worker = fresh.emplace_back(*this);
    worker.start();  // first of all: without a thread, the connection has to wait
    worker.connection.emplace(std::move(accepted), terms);
    workers_.splice(workers_.end(), fresh);
    worker.self = std::prev(workers_.end());
    worker.begin.release();
  }

  void tell(const session::Service& service) override {
    for (auto& worker : workers_) {
      if (worker.connection->terms().service.get() != &service) continue;
      auto none = Notice::nothing;
      worker.notice.compare_exchange_strong(none, Notice::news);  // not in the place of a stop
      ::pthread_kill(worker.thread, wake_signal);
    }
  }

  void end_if(const std::function<bool(const Held&)>& unwanted) override {
    const auto now = base::Clock::now();
    for (auto& worker : workers_) {
      if (!unwanted(worker.connection->held(now))) continue;
      worker.notice = Notice::stop;
      ::pthread_kill(worker.thread, wake_signal);
    }
  }

  void end_all() override {
    end_if([](const Held&) { return true; });
    while (!workers_.empty()) release(workers_.front());
    events().watch(finished_.get(), reactor::Interest::none, reaper_);
  }

  /// In the worker's thread.
  void finish(Worker& worker) {
    const std::lock_guard lock(mutex_);
    worker.next_finished = first_finished_;
    first_finished_ = &worker;
    ::eventfd_write(finished_.get(), 1);
  }

  void reap() {
    eventfd_t count = 0;
    ::eventfd_read(finished_.get(), &count);
    Worker* worker = nullptr;
    {
      const std::lock_guard lock(mutex_);
      worker = std::exchange(first_finished_, nullptr);
    }
    while (worker != nullptr) release(*std::exchange(worker, worker->next_finished));
  }

  void release(Worker& worker) {
    worker.join();
    released(worker.connection->ended(worker.over_at), worker.connection->terms());
    workers_.erase(worker.self);
  }

  sigset_t before_{};
  sigset_t waiting_{};  // the signals that stay blocked while a thread waits
  base::Fd finished_;
  reactor::Callback reaper_{[this] { reap(); }};  // of threads that are done
  std::list<Worker> workers_;
  std::mutex mutex_;
  Worker* first_finished_ = nullptr;  // and from there by next_finished; guarded by mutex_
};

}  // namespace

Engine make_threads_engine() {
  return {[](std::span<Port> ports, Host& host, const EngineOptions& options) {
            const auto poll = reactor::make_poll();
            ThreadsLoop(*poll, ports, host, options).run();
          },
          [] { return process_capacity(thread_descriptors); }};
}

}  // namespace poetry::engine
