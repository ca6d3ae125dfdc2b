#include "fetch/blocking_task.hpp"
#include "fetch/roster.hpp"
#include "fetch/strategies.hpp"

namespace poetry::fetch {
namespace {

class Sequential final : public Strategy {
 public:
  Result run(const Batch& batch, Observer& observer, net::Signals& signals) override {
    Roster roster(batch, observer);
    Exchange exchange(observer, Exchange::shared_room);
    const auto lookups = Resolver::make_lookups(batch.lookup);
    std::uint64_t wakeups = 0;
    while (const auto task = roster.begin()) {
      BlockingTask one(batch, *task, observer, exchange, lookups, signals.fd());
      one.run(Shortage::fail);
      wakeups += one.wakeups();
      roster.finish(one.fetch());
      if (signals.take()) roster.interrupt();
    }
    return roster.take(wakeups);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_sequential() { return std::make_unique<Sequential>(); }

}  // namespace poetry::fetch
