#include "fetch/runner.hpp"

#include <utility>

namespace poetry::fetch {
namespace {

// Tasks begun in one turn, so that thousands of them do not hold up those under way.
constexpr int starts_per_turn = 256;

}  // namespace

Runner::Runner(reactor::EventLoop& loop, Transport& transport, const Batch& batch,
               Observer& observer, net::Signals& signals)
    : signals_(signals),
      loop_(loop),
      resolver_(Resolver::make_lookups(batch.lookup)),
      queue_(batch, observer),
      context_{batch, observer, *this, loop, transport, resolver_} {}

Result Runner::run() {
  loop_.watch(signals_.fd(), reactor::Interest::read, interruption_);
  loop_.watch(resolver_.fd(), reactor::Interest::read, answers_);
  loop_.wake_next(starter_);
  while (!queue_.empty()) loop_.turn();
  return queue_.take(loop_.wakeups());
}

void Runner::start_some() {
  retired_.clear();
  for (int starts = 0; starts < starts_per_turn; ++starts) {
    const auto number = queue_.begin(base::Clock::now());
    if (!number) return loop_.wake_at(starter_, queue_.next_turn());
    auto& task = tasks_[*number];
    task = std::make_unique<Task>(context_, *number);
    task->advance();
  }
  loop_.wake_next(starter_);
}

void Runner::interrupt() {
  if (!signals_.take()) return;
  while (!tasks_.empty()) tasks_.begin()->second->interrupt(loop_.now());
  queue_.interrupt();
}

bool Runner::put_back(Task& task, std::error_code error) {
  if (queue_.alone()) return false;
  queue_.put_back(task.fetch().task(), error);
  retire(task);
  return true;
}

void Runner::over(Task& task) {
  retire(task);
  queue_.finish(task.fetch());
}

void Runner::retire(Task& task) {
  task.let_go();
  retired_.push_back(std::move(tasks_.extract(task.fetch().task()).mapped()));
  loop_.wake_next(starter_);
}

}  // namespace poetry::fetch
