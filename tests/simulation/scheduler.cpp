// The library's checks take a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE

#include "simulation/scheduler.hpp"

#include <cxxabi.h>
#include <ucontext.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace poetry::simulation {
namespace {

Scheduler* running = nullptr;  // for the first function of a fiber, which takes no pointer

/// Stacks of fibers that are over: to make one costs more than most of what runs on it.
std::vector<std::unique_ptr<char[]>>& spare_stacks() {
  static std::vector<std::unique_ptr<char[]>> spare;
  return spare;
}

/// Exceptions under way belong to a thread (Itanium C++ ABI, 2.2.2): two words.
void swap_exceptions(std::array<void*, 2>& kept) {
  std::array<void*, 2> now{};
  auto* const globals = __cxxabiv1::__cxa_get_globals();
  std::memcpy(now.data(), globals, sizeof now);
  std::memcpy(static_cast<void*>(globals), kept.data(), sizeof kept);
  kept = now;
}

}  // namespace

Scheduler::Scheduler(std::uint64_t seed) : draw_(seed) { running = this; }

Scheduler::~Scheduler() {
  running = nullptr;
  for (auto& fiber : fibers_) {
    if (fiber->stack) spare_stacks().push_back(std::move(fiber->stack));
  }
}

std::size_t Scheduler::spawn(Process process, std::function<void()> body) {
  auto fiber = std::make_unique<Fiber>();
  fiber->process = process;
  fiber->body = std::move(body);
  if (spare_stacks().empty()) {
    fiber->stack = std::make_unique_for_overwrite<char[]>(stack_size);
  } else {
    fiber->stack = std::move(spare_stacks().back());
    spare_stacks().pop_back();
  }
  ready_.push_back(fibers_.size());
  fibers_.push_back(std::move(fiber));
  ++alive_;
  return fibers_.size() - 1;
}

void Scheduler::enter() {
  Fiber& self = *running->current_;
  self.body();
  self.body = nullptr;
  self.state = Fiber::State::over;
  running->touch(self.process);
  running->suspend();
}

void Scheduler::at(base::TimePoint time, std::function<void()> function) {
  events_.push({std::max(time, now_), event_count_++, std::move(function)});
}

bool Scheduler::wait_for(base::TimePoint until, bool (*holds)(void*), void* condition) {
  happen();
  Fiber& self = *current_;
  while (!holds(condition)) {  // another may have taken what this one was woken for
    if (until <= now_) return false;
    self.until = until;
    self.holds = holds;
    self.condition = condition;
    self.state = Fiber::State::waiting;
    suspend();
    happen();
  }
  return true;
}

void Scheduler::yield() {
  Fiber& self = *current_;
  self.until = base::TimePoint::min();
  self.holds = [](void*) { return true; };
  self.state = Fiber::State::waiting;
  touch(self.process);
  suspend();
}

void Scheduler::spend(base::Duration time) {
  now_ += time;
  if (++calls_ > max_calls) yield();
}

void Scheduler::suspend() {
  Fiber& self = *current_;
  self.error = errno;
  swap_exceptions(self.exceptions);
  if (_setjmp(self.place) == 0) std::longjmp(main_, 1);
}

void Scheduler::begin(Fiber& fiber) {
  fiber.begun = true;
  ucontext_t context{};
  ::getcontext(&context);
  context.uc_stack.ss_sp = fiber.stack.get();
  context.uc_stack.ss_size = stack_size;
  ::makecontext(&context, &Scheduler::enter, 0);
  ::setcontext(&context);
}

void Scheduler::resume(Fiber& fiber) {
  current_ = &fiber;
  calls_ = 0;
  swap_exceptions(fiber.exceptions);
  errno = fiber.error;
  if (_setjmp(main_) == 0) {
    if (fiber.begun) std::longjmp(fiber.place, 1);
    begin(fiber);
  }
  current_ = nullptr;
}

/// Of what is due by now; functions may add to it.
void Scheduler::happen() {
  while (!events_.empty() && events_.top().at <= now_) {
    const auto function = std::move(const_cast<Event&>(events_.top()).function);
    events_.pop();
    function();
  }
}

void Scheduler::wake_some() {
  const auto touched = std::exchange(touched_, 0);
  std::erase_if(waiting_, [&](std::size_t number) {
    Fiber& fiber = *fibers_[number];
    const bool may_hold = (touched >> fiber.process & 1U) != 0;
    if (fiber.until > now_ && !(may_hold && fiber.holds(fiber.condition))) return false;
    fiber.state = Fiber::State::ready;
    ready_.push_back(number);
    return true;
  });
}

/// Where somebody is to wake, or something to happen, later.
bool Scheduler::pass_time() {
  auto next = events_.empty() ? base::never : events_.top().at;
  for (const auto number : waiting_) next = std::min(next, fibers_[number]->until);
  if (next == base::never) return false;
  now_ = std::max(now_, next);
  happen();
  return true;
}

std::string Scheduler::run() {
  while (alive_ > 0) {
    happen();
    wake_some();
    if (ready_.empty()) {
      if (!pass_time()) return std::to_string(alive_) + " threads wait for what never comes";
      continue;
    }
    if (++turns_ > max_turns) return "there is no end to it";
    if (now_ - moment_ > std::chrono::milliseconds(1)) {
      moment_ = now_;
      turns_of_moment_ = 0;
    }
    if (++turns_of_moment_ > max_turns_a_moment) return "somebody waits in a circle";
    std::swap(ready_[draw_.below(ready_.size())], ready_.back());
    const auto number = ready_.back();
    ready_.pop_back();
    Fiber& fiber = *fibers_[number];
    note(number + static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    resume(fiber);
    if (fiber.state == Fiber::State::waiting) {
      waiting_.push_back(number);
    } else {
      --alive_;
      spare_stacks().push_back(std::move(fiber.stack));
    }
  }
  return {};
}

}  // namespace poetry::simulation
