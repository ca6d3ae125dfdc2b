#include "fetch/runner.hpp"

#include <cerrno>

#include "net/socket.hpp"

namespace poetry::fetch {

Task::Task(Runner& runner, std::size_t number)
    : runner_(runner), fetch_(begin_fetch(runner.batch_, number, base::Clock::now())) {}

void Task::let_go() {
  close_all();
  runner_.resolver_.forget(ticket_);
  runner_.loop_.wake_at(*this, base::never);
}

void Task::advance() {
  auto progress = Progress::goes_on;
  while (progress == Progress::goes_on) {
    progress = std::visit([&](const auto& each) { return act(each); }, fetch_.next());
  }
}

Task::Progress Task::act(const Resolve& action) {
  if (resolve_numeric(fetch_, runner_.batch_)) return Progress::goes_on;
  const auto begun = [this] {
    fetch_.lookup_begun(runner_.loop_.now());
    set_alarm(fetch_.deadline());
  };
  const auto answered = [this](const net::Resolved& found) {
    fetch_.resolved(found, runner_.loop_.now());
    advance();
  };
  ticket_ = runner_.resolver_.ask(fetch_.where(), runner_.batch_.family, {begun, answered});
  set_alarm(action.until);
  return Progress::waits;
}

Task::Progress Task::act(const Connect& action) {
  for (std::size_t index = 0; index < action.over; ++index) close(std::move(candidates_[index]));
  const std::size_t index = candidates_.size();
  if (index == action.addresses.size()) {
    set_alarm(action.until);
    return Progress::waits;
  }
  const net::Address& address = action.addresses[index];
  base::Fd socket = net::open_socket(address.family(), net::Blocking::no);
  std::optional<std::error_code> ended(std::in_place, errno, std::generic_category());
  candidates_.emplace_back();
  if (socket) {
    try {
      candidates_[index] = runner_.transport_.connect(std::move(socket), *this, index, address);
      ended = candidates_[index]->ended;
    } catch (const std::system_error& error) {  // epoll(7) bounds what a user watches
      ended = error.code();
    }
  }
  return ended ? end_candidate(index, *ended, base::Clock::now()) : Progress::goes_on;
}

void Task::connect_ended(const TaskSocket& socket, std::error_code error, base::TimePoint now) {
  if (end_candidate(socket.index, error, now) == Progress::goes_on) advance();
}

Task::Progress Task::end_candidate(std::size_t index, std::error_code error, base::TimePoint now) {
  // Not where no other task would give back what this one lacks.
  if (fetch_.may_begin_anew(error) && !runner_.queue_.alone()) {
    runner_.queue_.put_back(fetch_.task(), error);
    runner_.retire(*this);
    return Progress::over;
  }
  if (fetch_.connect_ended(index, error, now) == Candidate::failed) {
    close(std::move(candidates_[index]));
    return Progress::goes_on;
  }
  auto chosen = std::move(candidates_[index]);
  close_all();
  connection_ = std::move(chosen);
  return Progress::goes_on;
}

Task::Progress Task::act(const Transfer& action) {
  try {
    runner_.transport_.transfer(*connection_, action);
  } catch (const std::system_error& error) {
    fetch_.receive_failed(error.code(), base::Clock::now());
    return Progress::goes_on;
  }
  set_alarm(action.until);
  return Progress::waits;
}

Task::Progress Task::act(const HalfClose&) {
  net::half_close(connection_->fd.get());
  fetch_.half_closed(base::Clock::now());
  return Progress::goes_on;
}

Task::Progress Task::act(const Wait& action) {
  close_all();
  if (!action.for_turn) runner_.observer_.retrying(fetch_.task(), fetch_.record(), action.delay);
  set_alarm(action.until);
  return Progress::waits;
}

Task::Progress Task::act(const Done&) {
  runner_.retire(*this);
  runner_.queue_.finish(fetch_);
  return Progress::over;
}

// Deadlines mostly move away: an alarm that comes sooner is left as it is, and wake() looks again.
void Task::set_alarm(base::TimePoint until) {
  const bool set = armed() && at() <= until;
  if (until != base::never && !set) runner_.loop_.wake_at(*this, until);
}

/// The alarm went off.
void Task::wake(reactor::Interest /*what*/) {
  // A deadline that has passed since the turn's wait is for the next: more may have arrived.
  if (runner_.loop_.now() < fetch_.deadline()) return set_alarm(fetch_.deadline());
  runner_.resolver_.forget(ticket_);
  fetch_.expired(base::Clock::now());  // of many deadlines in one turn, the last ones come later
  advance();
}

void Task::close(std::unique_ptr<TaskSocket> socket) {
  if (socket) runner_.transport_.close(std::move(socket));
}

void Task::close_all() {
  for (auto& candidate : candidates_) close(std::move(candidate));
  candidates_.clear();
  close(std::move(connection_));
}

Runner::Runner(reactor::EventLoop& loop, Transport& transport, const Batch& batch,
               Observer& observer, net::Signals& signals)
    : batch_(batch),
      observer_(observer),
      signals_(signals),
      loop_(loop),
      transport_(transport),
      resolver_(Resolver::make_lookups(batch.lookup)),
      queue_(batch, observer) {}

Result Runner::run() {
  loop_.watch(signals_.fd(), reactor::Interest::read, interruption_);
  loop_.watch(resolver_.fd(), reactor::Interest::read, answers_);
  loop_.wake_next(starter_);
  while (!queue_.empty()) loop_.turn();
  return queue_.take(loop_.wakeups());
}

void Runner::start_some() {
  constexpr int starts_per_turn = 256;  // so that thousands of them do not hold up those under way
  retired_.clear();
  for (int starts = 0; starts < starts_per_turn; ++starts) {
    const auto number = queue_.begin(base::Clock::now());
    if (!number) return loop_.wake_at(starter_, queue_.next_turn());
    auto& task = tasks_[*number];
    task = std::make_unique<Task>(*this, *number);
    task->advance();
  }
  loop_.wake_next(starter_);
}

void Runner::interrupt() {
  if (!signals_.take()) return;
  while (!tasks_.empty()) {
    Task& task = *tasks_.begin()->second;
    task.fetch().interrupt(loop_.now());
    task.advance();
  }
  queue_.interrupt();
}

void Runner::retire(Task& task) {
  task.let_go();
  retired_.push_back(std::move(tasks_.extract(task.fetch().task()).mapped()));
  loop_.wake_next(starter_);
}

}  // namespace poetry::fetch
