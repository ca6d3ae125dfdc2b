#include "fetch/blocking_task.hpp"
#include "fetch/strategies.hpp"
#include "fetch/task_queue.hpp"
#include "reactor/timeout.hpp"

namespace poetry::fetch {

Result run_sequential(const Batch& batch, Observer& observer, net::Signals& signals) {
  TaskQueue queue(batch, observer);
  SocketIo socket_io(observer, SocketIo::shared_room);
  const auto lookups = Resolver::make_lookups(batch.lookup);
  std::uint64_t wakeups = 0;
  while (!queue.empty()) {
    const base::TimePoint now = base::Clock::now();
    if (const auto task = queue.begin(now)) {
      BlockingTask one(batch, *task, observer, socket_io, lookups, signals.fd());
      one.run(IfShort::fail);
      wakeups += one.wakeups();
      queue.finish(one.fetch());
    } else {
      pollfd interruption{signals.fd(), POLLIN, 0};
      reactor::poll_until({&interruption, 1}, queue.next_turn(), now);
      ++wakeups;
    }
    if (signals.take()) queue.interrupt();
  }
  return queue.take(wakeups);
}

}  // namespace poetry::fetch
