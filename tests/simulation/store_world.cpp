#include "simulation/store_world.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace poetry::sync::simulation {
namespace {

constexpr std::size_t stack_bytes = std::size_t{256} << 10;
constexpr std::int64_t first_wall_ms = 1'800'000'000'000;

/// Stacks of fibers that have ended, since a new one costs page faults.
std::vector<std::unique_ptr<char[]>>& idle_stacks() {
  static std::vector<std::unique_ptr<char[]>> stacks;
  return stacks;
}

std::unique_ptr<char[]> take_stack() {
  auto& stacks = idle_stacks();
  if (stacks.empty()) return std::make_unique<char[]>(stack_bytes);
  auto stack = std::move(stacks.back());
  stacks.pop_back();
  return stack;
}

/// The runtime keeps exceptions under way by thread; each fiber has its own.
void swap_exceptions(void** own) {
  auto* const globals = reinterpret_cast<char*>(abi::__cxa_get_globals());
  char kept[2 * sizeof(void*)];
  std::memcpy(kept, globals, sizeof kept);
  std::memcpy(globals, own, sizeof kept);
  std::memcpy(own, kept, sizeof kept);
}

}  // namespace

Fiber::Fiber(Process& of, Fiber* by, std::function<void()> does)
    : process(of), body(std::move(does)), stack(take_stack()) {
  if (by == nullptr || &by->process != &of) return;  // a process's main thread claims nothing
  claimant = by->claimant == nullptr ? this : by->claimant;
}

World::World(Draws* draws) : draws_(draws) { here_ = this; }

World::~World() {
  end();
  here_ = nullptr;
}

void World::end() {
  for (auto& process : processes_) process.dead = true;
  while (auto* const fiber = dying()) resume(*fiber);
}

std::int64_t World::wall_ms() const {
  return first_wall_ms +
         std::chrono::floor<std::chrono::milliseconds>(now_.time_since_epoch()).count();
}

Process& World::add_process(const std::string& name) {
  return processes_.emplace_back(Process{.name = name});
}

std::shared_ptr<Fiber> World::spawn(Process& process, std::function<void()> body) {
  auto fiber = std::make_shared<Fiber>(process, current_, std::move(body));
  fiber->number = ++spawned_;
  fiber->wake_at = now_;
  ::getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack.get();
  fiber->context.uc_stack.ss_size = stack_bytes;
  fiber->context.uc_link = nullptr;
  ::makecontext(&fiber->context, &World::begin, 0);
  if (fiber->claimant == nullptr) process.main = fiber.get();
  fibers_.push_back(fiber);
  return fiber;
}

void World::begin() {
  auto& fiber = here_->current();
  try {
    if (!fiber.process.dead) fiber.body();
  } catch (const Died&) {
  } catch (const std::exception& error) {
    here_->fail(fiber.process.name + ": a thread ends by an exception: " + error.what());
  }
  fiber.ended = true;
  here_->leave();
}

void World::kill(Process& process) {
  process.dead = true;
  if (current_ != nullptr && &current_->process == &process) throw Died();
}

void World::leave() {
  Fiber& fiber = *current_;
  ::swapcontext(&fiber.context, &scheduler_);
}

void World::resume(Fiber& fiber) {
  current_ = &fiber;
  swap_exceptions(fiber.caught);
  ::swapcontext(&scheduler_, &fiber.context);
  swap_exceptions(fiber.caught);
  current_ = nullptr;
  const auto at = std::ranges::find(fibers_, &fiber, [](const auto& each) { return each.get(); });
  if (!fiber.ended) {
    fibers_.splice(fibers_.end(), fibers_, at);  // behind all others
    return;
  }
  for (const auto& each : fibers_) {
    if (each->joins == &fiber) wake(*each);
  }
  idle_stacks().push_back(std::move(fiber.stack));
  fibers_.erase(at);
}

void World::wait(base::TimePoint until) {
  if (current_->process.dead) throw Died();
  current_->wake_at = until;
  leave();
  if (current_->process.dead) throw Died();
}

void World::join(Fiber& fiber) {
  current_->joins = &fiber;
  while (!fiber.ended) {
    current_->wake_at = base::never;
    leave();
  }
  current_->joins = nullptr;
}

/// A thread of a dead process, which ends at once; not before those that it waits for.
Fiber* World::dying() {
  for (const auto& each : fibers_) {
    if (each->process.dead && (each->joins == nullptr || each->joins->ended)) return each.get();
  }
  return nullptr;
}

Fiber* World::choose(base::TimePoint limit) {
  std::vector<Fiber*> ready;
  auto next = base::never;
  for (const auto& each : fibers_) {
    const auto at = std::max(each->wake_at, each->process.stalled_until);
    if (at <= now_) {
      ready.push_back(each.get());
      if (draws_ == nullptr) return ready.front();
    }
    next = std::min(next, at);
  }
  if (!ready.empty()) return ready[draws_->below(ready.size())];
  if (next > limit) return nullptr;
  now_ = next;
  return choose(limit);
}

bool World::run(const std::function<bool()>& over, base::TimePoint limit) {
  while (failure_.empty()) {
    Fiber* next = dying();
    if (next == nullptr) {
      if (over()) return true;
      next = choose(limit);
    }
    if (next == nullptr) return false;
    resume(*next);
  }
  return false;
}

}  // namespace poetry::sync::simulation
