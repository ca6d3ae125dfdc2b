// The strategy of one task after another, which blocks. Meanwhile another thread waits for signals.
#include <sys/eventfd.h>

#include <array>
#include <thread>

#include "fetch/blocking_task.hpp"
#include "fetch/strategies.hpp"
#include "fetch/task_queue.hpp"
#include "reactor/timeout.hpp"

namespace poetry::fetch {
namespace {

/// As long as it lives, a signal ends the tasks.
class SignalWatch {
 public:
  SignalWatch(net::Signals& signals, Stop& stop) : thread_([&] { watch(signals, stop); }) {}
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch() {
    ::eventfd_write(over_.get(), 1);
    thread_.join();
  }

 private:
  void watch(net::Signals& signals, Stop& stop) const {
    std::array<pollfd, 2> polled{{{signals.fd(), POLLIN, 0}, {over_.get(), POLLIN, 0}}};
    do {
      const auto again = base::later(base::Clock::now(), Stop::repeat);
      reactor::poll_until(polled, stop.is_set() ? again : base::never);
      const bool told = polled[0].revents != 0 && signals.take();  // also a further one
      if (told || stop.is_set()) stop.set();
    } while (polled[1].revents == 0);
  }

  base::Fd over_ = base::make_eventfd();
  std::thread thread_;
};

}  // namespace

Result run_sequential(const Batch& batch, Observer& observer, net::Signals& signals) {
  TaskQueue queue(batch, observer);
  SocketIo socket_io(observer, SocketIo::shared_room);
  const auto lookups = Resolver::make_lookups(batch.lookup);
  std::uint64_t wakeups = 0;
  Stop stop;
  {
    const SignalWatch watch(signals, stop);
    while (!queue.empty() && !stop.is_set()) {
      const base::TimePoint now = base::Clock::now();
      if (const auto task = queue.begin(now)) {
        BlockingTask one(batch, *task, observer, socket_io, lookups, stop);
        one.run(IfShort::fail);
        wakeups += one.wakeups();
        queue.finish(one.fetch());
      } else {
        pollfd interruption{stop.fd(), POLLIN, 0};
        reactor::poll_until({&interruption, 1}, queue.next_turn(), now);
        ++wakeups;
      }
    }
  }
  if (stop.is_set()) queue.interrupt();
  return queue.take(wakeups);
}

}  // namespace poetry::fetch
