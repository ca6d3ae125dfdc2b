#include "reactor/reactor.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <numeric>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "fetch/resolver.hpp"
#include "fetch/strategies.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

// Shared by all tasks, and what one task may read in a turn, so that an endless server starves
// nobody.
constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
// Tasks begun in one turn, so that thousands of them do not hold up those under way.
constexpr int most_starts = 256;

/// A task in flight.
struct Flow {
  Flow(std::size_t number, Fetch what, Alarm::Handler expire)
      : task(number), fetch(std::move(what)), alarm(std::move(expire)) {}

  std::size_t task;
  Fetch fetch;
  Alarm alarm;  // may be set sooner than the fetch's deadline, never later
  Fd socket;
  Interest watched = Interest::none;
  std::uint64_t ticket = 0;  // of the name lookup that it waits for
};

enum class Progress { waits, goes_on, over };

/// Runs the tasks of one batch in one loop.
class Loop {
 public:
  Loop(Multiplexer& multiplexer, const Batch& batch, Observer& observer, Signals& signals);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Result run();

 private:
  void start_some();
  void advance(Flow& flow);
  Progress act(Flow& flow, const Resolve& action);
  Progress act(Flow& flow, const Connect& action);
  Progress act(Flow& flow, const Transfer& action);
  Progress act(Flow& flow, const HalfClose&);
  Progress act(Flow& flow, const Wait& action);
  Progress act(Flow& flow, const Done&);
  void await(Flow& flow, Interest interest, TimePoint until);
  void drop_socket(Flow& flow);
  void ready(Flow& flow, Interest what);
  void send(Flow& flow);
  void receive(Flow& flow);
  void expire(Flow& flow);
  void take_answers();
  void interrupt();
  bool put_back(Flow& flow);
  void retire(Flow& flow);

  const Batch& batch_;
  Observer& observer_;
  Signals& signals_;
  Reactor reactor_;
  Resolver resolver_;
  Alarm starter_;
  Result result_;
  std::vector<char> buffer_;
  std::deque<std::size_t> waiting_;  // tasks not begun
  std::unordered_map<std::size_t, std::unique_ptr<Flow>> flows_;
  std::unordered_map<std::uint64_t, Flow*> lookups_;  // by ticket
  std::vector<std::unique_ptr<Flow>> retired_;        // freed once none of their code runs
  std::size_t parallel_;
};

Loop::Loop(Multiplexer& multiplexer, const Batch& batch, Observer& observer, Signals& signals)
    : batch_(batch),
      observer_(observer),
      signals_(signals),
      reactor_(multiplexer),
      starter_([this] { start_some(); }),
      buffer_(buffer_bytes),
      waiting_(batch.servers.size()),
      parallel_(batch.parallel == 0 ? batch.servers.size() : batch.parallel) {
  std::iota(waiting_.begin(), waiting_.end(), std::size_t{0});
  result_.records.resize(batch.servers.size());
}

Loop::~Loop() {
  reactor_.cancel(starter_);
  for (auto& [task, flow] : flows_) reactor_.cancel(flow->alarm);
}

Result Loop::run() {
  if (waiting_.empty()) return std::move(result_);
  reactor_.watch(signals_.fd(), Interest::read, [this](Interest) { interrupt(); });
  reactor_.watch(resolver_.fd(), Interest::read, [this](Interest) { take_answers(); });
  reactor_.call_later(starter_, reactor_.now());
  reactor_.run();
  result_.wakeups = reactor_.wakeups();
  return std::move(result_);
}

void Loop::start_some() {
  retired_.clear();
  for (int starts = 0; !waiting_.empty() && flows_.size() < parallel_; ++starts) {
    if (starts == most_starts) {
      reactor_.call_later(starter_, reactor_.now());
      break;
    }
    const std::size_t task = waiting_.front();
    waiting_.pop_front();
    auto& flow = flows_[task];
    flow = std::make_unique<Flow>(task, Fetch(batch_.servers[task], batch_.fetch, Clock::now()),
                                  [this, task] { expire(*flows_.at(task)); });
    advance(*flow);
  }
  if (waiting_.empty() && flows_.empty()) reactor_.stop();
}

void Loop::advance(Flow& flow) {
  auto progress = Progress::goes_on;
  while (progress == Progress::goes_on) {
    progress = std::visit([&](const auto& each) { return act(flow, each); }, flow.fetch.next());
  }
}

Progress Loop::act(Flow& flow, const Resolve& action) {
  const auto numeric = resolve_numeric(flow.fetch.where(), batch_.family);
  if (!numeric.addresses.empty()) {
    flow.fetch.resolved(numeric, Clock::now());
    return Progress::goes_on;
  }
  flow.ticket = resolver_.ask(flow.fetch.where(), batch_.family);
  lookups_[flow.ticket] = &flow;
  await(flow, Interest::none, action.until);
  return Progress::waits;
}

Progress Loop::act(Flow& flow, const Connect& action) {
  drop_socket(flow);
  flow.socket = open_socket(action.address.family(), Blocking::no);
  if (!flow.socket) {
    const int error = errno;
    if ((error == EMFILE || error == ENFILE) && put_back(flow)) return Progress::over;
    flow.fetch.connect_failed({error, std::generic_category()}, Clock::now());
    return Progress::goes_on;
  }
  const IoResult started = start_connect(flow.socket.get(), action.address);
  if (started.status == IoStatus::would_block) {
    await(flow, Interest::write, action.until);
    return Progress::waits;
  }
  if (started.status == IoStatus::error) {
    flow.fetch.connect_failed(started.error, Clock::now());
  } else {
    flow.fetch.connected(Clock::now());
  }
  return Progress::goes_on;
}

Progress Loop::act(Flow& flow, const Transfer& action) {
  await(flow, action.unsent.empty() ? Interest::read : Interest::both, action.until);
  return Progress::waits;
}

Progress Loop::act(Flow& flow, const HalfClose&) {
  half_close(flow.socket.get());
  flow.fetch.half_closed(reactor_.now());
  return Progress::goes_on;
}

Progress Loop::act(Flow& flow, const Wait& action) {
  drop_socket(flow);
  observer_.retrying(flow.task, flow.fetch.record(), action.delay);
  await(flow, Interest::none, action.until);
  return Progress::waits;
}

Progress Loop::act(Flow& flow, const Done&) {
  drop_socket(flow);
  Record& record = result_.records[flow.task];
  record = std::move(flow.fetch.record());
  const std::size_t task = flow.task;
  retire(flow);
  observer_.ended(task, record);
  return Progress::over;
}

void Loop::await(Flow& flow, Interest interest, TimePoint until) {
  if (interest != flow.watched) {
    const auto what = [this, &flow](Interest found) { ready(flow, found); };
    reactor_.watch(flow.socket.get(), interest, what);
    flow.watched = interest;
  }
  // Deadlines mostly move away: the alarm is left as it is, and expire() looks again.
  const bool late = flow.alarm.armed() && flow.alarm.at() <= until;
  if (until != never && !late) reactor_.call_later(flow.alarm, until);
}

void Loop::drop_socket(Flow& flow) {
  if (flow.watched != Interest::none) reactor_.unwatch(flow.socket.get());
  flow.watched = Interest::none;
  flow.socket.reset();
}

void Loop::ready(Flow& flow, Interest what) {
  const Action action = flow.fetch.next();
  if (std::holds_alternative<Connect>(action)) {
    if (const auto error = connect_outcome(flow.socket.get())) {
      flow.fetch.connect_failed(error, reactor_.now());
    } else {
      flow.fetch.connected(reactor_.now());
    }
  } else {
    if (has(what, Interest::write)) send(flow);
    if (has(what, Interest::read)) receive(flow);
  }
  advance(flow);
}

void Loop::send(Flow& flow) {
  const auto action = flow.fetch.next();
  const auto* const transfer = std::get_if<Transfer>(&action);
  if (transfer == nullptr || transfer->unsent.empty()) return;
  const IoResult result = send_some(flow.socket.get(), transfer->unsent);
  if (result.status == IoStatus::ok) flow.fetch.sent(result.bytes, reactor_.now());
  if (result.status == IoStatus::error) flow.fetch.send_failed(result.error, reactor_.now());
}

void Loop::receive(Flow& flow) {
  const auto action = flow.fetch.next();
  const auto* const transfer = std::get_if<Transfer>(&action);
  if (transfer == nullptr) return;
  const auto room = std::min<std::uint64_t>(transfer->most, buffer_.size());
  const IoResult result = receive_some(flow.socket.get(), {buffer_.data(), room});
  const TimePoint now = reactor_.now();
  if (result.status == IoStatus::end) flow.fetch.stream_ended(now);
  if (result.status == IoStatus::error) flow.fetch.receive_failed(result.error, now);
  if (result.status != IoStatus::ok) return;
  const auto bytes = flow.fetch.received({buffer_.data(), result.bytes}, now);
  if (bytes.empty()) return;
  const auto failure = observer_.received(flow.task, flow.fetch.record(), bytes);
  if (!failure.empty()) flow.fetch.output_failed(failure, now);
}

void Loop::expire(Flow& flow) {
  const TimePoint until = flow.fetch.deadline();
  if (reactor_.now() < until) {
    if (until != never) reactor_.call_later(flow.alarm, until);
    return;
  }
  lookups_.erase(flow.ticket);
  flow.fetch.expired(reactor_.now());
  advance(flow);
}

void Loop::take_answers() {
  while (auto answer = resolver_.take()) {
    const auto found = lookups_.find(answer->ticket);
    if (found == lookups_.end()) continue;
    Flow& flow = *found->second;
    lookups_.erase(found);
    flow.fetch.resolved(answer->found, reactor_.now());
    advance(flow);
  }
}

void Loop::interrupt() {
  if (!signals_.take()) return;
  parallel_ = 0;
  std::vector<Flow*> flows;
  for (auto& [task, flow] : flows_) flows.push_back(flow.get());
  std::sort(flows.begin(), flows.end(), [](auto* one, auto* two) { return one->task < two->task; });
  for (Flow* flow : flows) {
    flow->fetch.interrupt(reactor_.now());
    advance(*flow);
  }
  for (const std::size_t task : std::exchange(waiting_, {})) {
    Record& record = result_.records[task];
    record.outcome = Outcome::interrupted;
    record.error = to_string(batch_.servers[task]) + ": interrupted";
    observer_.ended(task, record);
  }
  reactor_.stop();
}

// Out of descriptors: the task begins anew when another one has ended, and no more run at once
// than do now. Not where no other would give a descriptor back, nor in the middle of a task.
bool Loop::put_back(Flow& flow) {
  if (flows_.size() < 2 || flow.fetch.record().attempts > 1) return false;
  waiting_.push_front(flow.task);
  parallel_ = flows_.size() - 1;
  retire(flow);
  return true;
}

void Loop::retire(Flow& flow) {
  reactor_.cancel(flow.alarm);
  lookups_.erase(flow.ticket);
  const auto found = flows_.find(flow.task);
  retired_.push_back(std::move(found->second));
  flows_.erase(found);
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
