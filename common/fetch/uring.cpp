// The strategy over io_uring: all tasks in one loop that hands connects, sends and receives to the
// kernel in batches, and is told when they are done.
#include <bit>
#include <cerrno>
#include <map>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "fetch/exchange.hpp"
#include "fetch/resolver.hpp"
#include "fetch/roster.hpp"
#include "fetch/strategies.hpp"
#include "net/socket.hpp"
#include "reactor/ring.hpp"
#include "reactor/timers.hpp"

namespace poetry {
namespace {

// What all tasks may receive in a turn, 2 MiB: who is left without a buffer is first in the next.
constexpr Ring::Buffers task_buffers{128, 16384};
// Tasks begun in one turn, so that thousands of them do not hold up those under way.
constexpr int most_starts = 256;

struct Task;

/// A socket and what the ring has to do with it. It stays until all of that is over.
struct Line {
  Line(Fd made, Task& whose, std::size_t at) : socket(std::move(made)), task(&whose), index(at) {}

  Fd socket;
  Task* task;         // none: it was dropped, and what is still under way is void
  std::size_t index;  // of its address
  Address address;    // as long as it connects
  unsigned under_way = 0;
  bool receiving = false;
  bool sending = false;
};

/// Which operation it is, in the lower bits of a tag; the upper ones are the line.
enum class Operation : std::uint64_t { signals = 1, answers, connect, connected, receive, send };
constexpr std::uint64_t operation_bits = 7;
static_assert(alignof(Line) > operation_bits);

std::uint64_t tag_of(Operation operation, const Line* line = nullptr) {
  return std::bit_cast<std::uintptr_t>(line) | static_cast<std::uint64_t>(operation);
}

std::error_code error_of(int result) { return {result < 0 ? -result : 0, std::generic_category()}; }

/// A task in flight, and its alarm, which may be set sooner than the fetch's deadline, never later.
struct Task : Timer {
  explicit Task(Fetch what) : fetch(std::move(what)) {}

  Fetch fetch;
  std::vector<std::unique_ptr<Line>>
      candidates;  // by the index of their address; empty once closed
  std::unique_ptr<Line> connection;
  std::uint64_t ticket = 0;  // of the name that it asks for
};

enum class Progress { waits, goes_on, over };

/// Runs the tasks of one batch.
class UringRun {
 public:
  UringRun(const Batch& batch, Observer& observer, Signals& signals)
      : batch_(batch),
        observer_(observer),
        signals_(signals),
        resolver_(Resolver::make_lookups(batch.lookup)),
        roster_(batch, observer) {}
  UringRun(const UringRun&) = delete;
  UringRun& operator=(const UringRun&) = delete;
  ~UringRun() = default;

  Result run();

 private:
  void turn();
  void start_some();
  void handle(const Completion& completion);
  void handle(Line& line, Operation operation, const Completion& completion);
  void advance(Task& task);
  Progress act(Task& task, const Resolve& action);
  Progress act(Task& task, const Connect& action);
  Progress act(Task& task, const Transfer& action);
  Progress act(Task& task, const HalfClose&);
  Progress act(Task& task, const Wait& action);
  Progress act(Task& task, const Done&);
  void set_alarm(Task& task, TimePoint until);
  void expire(Task& task);
  void end_candidate(Task& task, std::size_t index, std::error_code error);
  bool put_back(Task& task, int error);
  void take_answers();
  void interrupt();
  void drop(std::unique_ptr<Line> line);
  void drop_lines(Task& task);
  void forget_name(Task& task);
  void retire(Task& task);

  const Batch& batch_;
  Observer& observer_;
  Signals& signals_;
  Resolver resolver_;
  Roster roster_;
  TimePoint now_;  // when this turn's wait returned
  std::uint64_t wakeups_ = 0;
  bool starting_ = true;                                // whether there may be a task to begin
  std::map<std::size_t, std::unique_ptr<Task>> tasks_;  // in flight
  std::vector<std::unique_ptr<Task>> retired_;          // freed once none of their code runs
  std::unordered_map<std::uint64_t, Task*> asking_;     // for a name, by the resolver's ticket
  std::unordered_map<const Line*, std::unique_ptr<Line>> dropped_;  // not over yet
  Timers timers_;                                                   // goes before the tasks
  Ring ring_{task_buffers};  // goes first: from then on the kernel writes nowhere
};

Result UringRun::run() {
  ring_.poll(signals_.fd(), Interest::read, tag_of(Operation::signals));
  ring_.poll(resolver_.fd(), Interest::read, tag_of(Operation::answers));
  while (!roster_.empty() || !dropped_.empty()) turn();
  return roster_.take(wakeups_);
}

void UringRun::turn() {
  retired_.clear();
  start_some();
  const TimePoint due = timers_.next();
  const TimePoint before = Clock::now();
  const bool at_once = starting_ && dropped_.empty();
  const Duration timeout = at_once || due <= before ? Duration::zero()
                           : due == never           ? forever
                                                    : due - before;
  if (roster_.empty() && dropped_.empty()) return;
  const auto completions = ring_.wait(timeout);
  ++wakeups_;
  now_ = Clock::now();
  // Completions first: what arrived before a deadline counts, even if this turn came late.
  for (const Completion& completion : completions) handle(completion);
  for (std::size_t left = timers_.size(); left > 0; --left) {
    Timer* const timer = timers_.take_due(now_);
    if (timer == nullptr) break;
    expire(static_cast<Task&>(*timer));
  }
}

// Not while sockets are still to be closed, whose descriptors a new task might lack.
void UringRun::start_some() {
  if (!dropped_.empty()) return;
  for (int starts = 0; starts < most_starts; ++starts) {
    const auto number = roster_.begin();
    starting_ = number.has_value();
    if (!starting_) return;
    auto& task = tasks_[*number];
    task = std::make_unique<Task>(begin_fetch(batch_, *number, Clock::now()));
    advance(*task);
  }
}

void UringRun::handle(const Completion& completion) {
  const auto operation = static_cast<Operation>(completion.tag & operation_bits);
  auto* const line =
      std::bit_cast<Line*>(static_cast<std::uintptr_t>(completion.tag & ~operation_bits));
  if (operation == Operation::signals) {
    interrupt();
    ring_.poll(signals_.fd(), Interest::read, completion.tag);
  } else if (operation == Operation::answers) {
    take_answers();
    ring_.poll(resolver_.fd(), Interest::read, completion.tag);
  } else {
    if (!completion.more) --line->under_way;
    if (line->task != nullptr) {
      handle(*line, operation, completion);
    } else if (line->under_way == 0) {
      dropped_.erase(line);
    }
  }
}

void UringRun::handle(Line& line, Operation operation, const Completion& completion) {
  Task& task = *line.task;
  const std::error_code error = error_of(completion.result);
  switch (operation) {
    case Operation::connect:
      if (completion.result == -EINPROGRESS) {
        ring_.poll(line.socket.get(), Interest::write, tag_of(Operation::connected, &line));
        ++line.under_way;
        return;
      }
      end_candidate(task, line.index, error);
      break;
    case Operation::connected:
      end_candidate(task, line.index, connect_outcome(line.socket.get()));
      break;
    case Operation::send:
      line.sending = false;
      if (error) task.fetch.send_failed(error, now_);
      if (!error) task.fetch.sent(static_cast<std::size_t>(completion.result), now_);
      break;
    default:
      line.receiving = completion.more;
      if (!completion.bytes.empty()) {
        Exchange::deliver(task.fetch, observer_, completion.bytes, now_);
      } else if (!error) {
        task.fetch.stream_ended(now_);
      } else if (error != std::errc::no_buffer_space) {
        task.fetch.receive_failed(error, now_);
      }
  }
  advance(task);
}

void UringRun::advance(Task& task) {
  auto progress = Progress::goes_on;
  while (progress == Progress::goes_on) {
    progress = std::visit([&](const auto& each) { return act(task, each); }, task.fetch.next());
  }
}

Progress UringRun::act(Task& task, const Resolve& action) {
  const auto numeric = resolve_numeric(task.fetch.where(), batch_.family);
  if (!numeric.addresses.empty()) {
    task.fetch.resolved(numeric, Clock::now());
    return Progress::goes_on;
  }
  task.ticket = resolver_.ask(task.fetch.where(), batch_.family);
  asking_[task.ticket] = &task;
  set_alarm(task, action.until);
  return Progress::waits;
}

// The socket does not block as long as it connects. Then the kernel tells at once that the connect
// is in progress, and a poll when it is over: io_uring's own connect would call connect(2) again by
// then, and that throws away what a server sent before a reset.
Progress UringRun::act(Task& task, const Connect& action) {
  const std::size_t index = task.candidates.size();
  if (index == action.addresses.size()) {
    set_alarm(task, action.until);
    return Progress::waits;
  }
  Fd socket = open_socket(action.addresses[index].family(), Blocking::no);
  const int error = socket ? 0 : errno;
  if (index == 0 && put_back(task, error)) return Progress::over;
  auto& line = task.candidates.emplace_back(std::make_unique<Line>(std::move(socket), task, index));
  if (error != 0) {
    end_candidate(task, index, {error, std::generic_category()});
    return Progress::goes_on;
  }
  line->address = action.addresses[index];
  ring_.connect(line->socket.get(), line->address, tag_of(Operation::connect, line.get()));
  ++line->under_way;
  return Progress::goes_on;
}

void UringRun::end_candidate(Task& task, std::size_t index, std::error_code error) {
  if (task.fetch.connect_ended(index, error, now_) == Candidate::failed) {
    drop(std::move(task.candidates[index]));
    return;
  }
  auto chosen = std::move(task.candidates[index]);
  drop_lines(task);
  let_block(chosen->socket.get());
  task.connection = std::move(chosen);
}

Progress UringRun::act(Task& task, const Transfer& action) {
  Line& line = *task.connection;
  if (!line.receiving) {
    ring_.receive(line.socket.get(), tag_of(Operation::receive, &line));
    line.receiving = true;
    ++line.under_way;
  }
  if (!line.sending && !action.unsent.empty()) {
    ring_.send(line.socket.get(), action.unsent, tag_of(Operation::send, &line));
    line.sending = true;
    ++line.under_way;
  }
  set_alarm(task, action.until);
  return Progress::waits;
}

Progress UringRun::act(Task& task, const HalfClose&) {
  half_close(task.connection->socket.get());
  task.fetch.half_closed(now_);
  return Progress::goes_on;
}

Progress UringRun::act(Task& task, const Wait& action) {
  drop_lines(task);
  observer_.retrying(task.fetch.task(), task.fetch.record(), action.delay);
  set_alarm(task, action.until);
  return Progress::waits;
}

Progress UringRun::act(Task& task, const Done&) {
  retire(task);
  roster_.finish(task.fetch);
  return Progress::over;
}

// Deadlines mostly move away: an alarm that comes sooner is left as it is, and expire() looks
// again.
void UringRun::set_alarm(Task& task, TimePoint until) {
  const bool set = task.armed() && task.at() <= until;
  if (until != never && !set) timers_.arm(task, until);
}

void UringRun::expire(Task& task) {
  // The time now and not that of the turn: of many deadlines in one turn, the last ones come later.
  const TimePoint now = Clock::now();
  if (now < task.fetch.deadline()) {
    set_alarm(task, task.fetch.deadline());
    return;
  }
  forget_name(task);
  task.fetch.expired(now);
  advance(task);
}

void UringRun::take_answers() {
  while (const auto answer = resolver_.take()) {
    const auto found = asking_.find(answer->ticket);
    if (found == asking_.end()) continue;
    Task& task = *found->second;
    asking_.erase(found);
    task.fetch.resolved(answer->found, now_);
    advance(task);
  }
}

void UringRun::interrupt() {
  if (!signals_.take()) return;
  while (!tasks_.empty()) {
    Task& task = *tasks_.begin()->second;
    task.fetch.interrupt(now_);
    advance(task);
  }
  roster_.interrupt();
}

// Out of descriptors: the task begins anew when another one has ended. Not where no other would
// give a descriptor back, nor in the middle of a task.
bool UringRun::put_back(Task& task, int error) {
  const bool first = task.fetch.record().attempts == 1;
  if ((error != EMFILE && error != ENFILE) || !first || roster_.alone()) return false;
  roster_.put_back(task.fetch.task());
  retire(task);
  return true;
}

void UringRun::drop(std::unique_ptr<Line> line) {
  if (!line || line->under_way == 0) return;
  line->task = nullptr;
  ring_.cancel(line->socket.get());
  const Line* const key = line.get();
  dropped_[key] = std::move(line);
}

void UringRun::drop_lines(Task& task) {
  for (auto& candidate : task.candidates) drop(std::move(candidate));
  task.candidates.clear();
  drop(std::move(task.connection));
}

void UringRun::forget_name(Task& task) {
  if (asking_.erase(task.ticket) > 0) resolver_.forget(task.ticket);
}

void UringRun::retire(Task& task) {
  drop_lines(task);
  forget_name(task);
  timers_.cancel(task);
  retired_.push_back(std::move(tasks_.extract(task.fetch.task()).mapped()));
  starting_ = true;
}

class UringStrategy final : public Strategy {
 public:
  Result run(const Batch& batch, Observer& observer, Signals& signals) override {
    return UringRun(batch, observer, signals).run();
  }
};

}  // namespace

std::unique_ptr<Strategy> make_uring_strategy() {
  Ring::try_out();
  return std::make_unique<UringStrategy>();
}

}  // namespace poetry
