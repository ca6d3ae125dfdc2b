// The strategies over a multiplexer of ours: all tasks in one loop, on non-blocking sockets.
#include "reactor/reactor.hpp"

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "fetch/flow.hpp"
#include "fetch/resolver.hpp"
#include "fetch/roster.hpp"
#include "fetch/strategies.hpp"

namespace poetry {
namespace {

// Tasks begun in one turn, so that thousands of them do not hold up those under way.
constexpr int most_starts = 256;

/// Runs the tasks of one batch in one loop.
class Loop final : private Flow::Host {
 public:
  Loop(Multiplexer& multiplexer, const Batch& batch, Observer& observer, Signals& signals)
      : signals_(signals),
        reactor_(multiplexer),
        resolver_(Resolver::make_lookups(batch.lookup)),
        roster_(batch, observer),
        around_{batch,    observer,  *this,
                reactor_, resolver_, Exchange(observer, Exchange::shared_room),
                {}},
        starter_([this] { start_some(); }) {}
  ~Loop() override { reactor_.cancel(starter_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Result run();

 private:
  bool put_back(Flow& flow) override;
  void over(Flow& flow) override;
  void start_some();
  void take_answers();
  void interrupt();
  void retire(Flow& flow);

  Signals& signals_;
  Reactor reactor_;
  Resolver resolver_;
  Roster roster_;
  Flow::Surroundings around_;
  Alarm starter_;
  std::map<std::size_t, std::unique_ptr<Flow>> flows_;  // by task
  std::vector<std::unique_ptr<Flow>> retired_;          // freed once none of their code runs
};

Result Loop::run() {
  if (!roster_.empty()) {
    reactor_.watch(signals_.fd(), Interest::read, [this](Interest) { interrupt(); });
    reactor_.watch(resolver_.fd(), Interest::read, [this](Interest) { take_answers(); });
    reactor_.call_later(starter_, reactor_.now());
    reactor_.run();
  }
  return roster_.take(reactor_.wakeups());
}

void Loop::start_some() {
  retired_.clear();
  for (int starts = 0; starts < most_starts; ++starts) {
    const auto task = roster_.begin();
    if (!task) {
      if (roster_.empty()) reactor_.stop();
      return;
    }
    auto& flow = flows_[*task];
    flow = std::make_unique<Flow>(around_, *task);
    flow->begin();
  }
  reactor_.call_later(starter_, reactor_.now());
}

void Loop::take_answers() {
  while (const auto answer = resolver_.take()) {
    const auto found = around_.asking.find(answer->ticket);
    if (found != around_.asking.end()) found->second->resolved(answer->found);
  }
}

void Loop::interrupt() {
  if (!signals_.take()) return;
  while (!flows_.empty()) flows_.begin()->second->interrupt();
  roster_.interrupt();
}

// Out of descriptors.
bool Loop::put_back(Flow& flow) {
  if (roster_.alone()) return false;
  roster_.put_back(flow.fetch().task());
  retire(flow);
  return true;
}

void Loop::over(Flow& flow) {
  retire(flow);
  roster_.finish(flow.fetch());
}

void Loop::retire(Flow& flow) {
  flow.let_go();
  retired_.push_back(std::move(flows_.extract(flow.fetch().task()).mapped()));
  reactor_.call_later(starter_, reactor_.now());
}

class ReactorStrategy final : public Strategy {
 public:
  explicit ReactorStrategy(std::function<std::unique_ptr<Multiplexer>()> make)
      : make_(std::move(make)) {}

  Result run(const Batch& batch, Observer& observer, Signals& signals) override {
    const auto multiplexer = make_();
    return Loop(*multiplexer, batch, observer, signals).run();
  }

 private:
  std::function<std::unique_ptr<Multiplexer>()> make_;
};

}  // namespace

std::unique_ptr<Strategy> make_reactor_strategy(
    std::function<std::unique_ptr<Multiplexer>()> make) {
  return std::make_unique<ReactorStrategy>(std::move(make));
}

}  // namespace poetry
