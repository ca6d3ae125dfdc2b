// A world of simulated processes: each of their threads is a fiber of this one thread, and all
// share one clock, which moves only when everybody waits. So a run is the same each time. One world
// lives as long as one run.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/seed.hpp"

namespace poetry::sync::simulation {

using namespace std::chrono_literals;

/// Ends whatever a dead process's thread does. No std::exception, which the worker would report.
struct Died {};

/// Choices that all follow from one seed.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : seed_(seed) {}
  /// 0 to `count` - 1.
  std::uint64_t below(std::uint64_t count) { return base::derive_seed(seed_, next_++) % count; }
  /// Both inclusive.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  base::Duration between(base::Duration least, base::Duration most) {
    constexpr base::Duration step = 100us;
    return least + step * below(static_cast<std::uint64_t>((most - least) / step) + 1);
  }
  bool chance(std::uint64_t per_mille) { return below(1000) < per_mille; }

 private:
  const std::uint64_t seed_;
  std::uint64_t next_ = 0;
};

struct Fiber;

struct Process {
  std::string name;
  bool dead = false;
  bool told_to_stop = false;        ///< in order, as by a signal
  base::TimePoint stalled_until{};  ///< until then none of its threads goes on
  Fiber* main = nullptr;
};

/// A thread of a process.
struct Fiber {
  Fiber(Process& of, Fiber* by, std::function<void()> does);
  Process& process;
  /// The one by whose claim it writes: a worker's thread, also for those that this one starts.
  const Fiber* claimant = nullptr;
  std::uint64_t number = 0;  ///< in the world, from 1
  std::function<void()> body;
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  void* caught[2] = {nullptr, nullptr};  ///< the C++ runtime's note of exceptions under way
  bool ended = false;
  bool signalled = false;     ///< by pthread_kill
  base::TimePoint wake_at{};  ///< ready from then on
  Fiber* joins = nullptr;
};

class World {
 public:
  /// Who goes on next is drawn; without draws the one that has waited for longest.
  explicit World(Draws* draws);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// As end().
  ~World();
  /// All processes die. Before what their threads use goes.
  void end();

  [[nodiscard]] base::TimePoint now() const { return now_; }
  /// As the database tells the time.
  [[nodiscard]] std::int64_t wall_ms() const;
  Draws* draws() { return draws_; }

  Process& add_process(const std::string& name);
  std::shared_ptr<Fiber> spawn(Process& process, std::function<void()> body);
  /// Nothing of it happens any more. Raises Died where it is the caller's own.
  void kill(Process& process);
  /// Lets fibers go on until the condition holds, something was wrong, or that time is reached.
  /// False where the condition does not hold.
  bool run(const std::function<bool()>& over, base::TimePoint limit);

  // By a fiber. Those that wait raise Died where its process is dead.

  Fiber& current() { return *current_; }
  void wait(base::TimePoint until);
  void pause(base::Duration duration) { wait(base::later(now_, duration)); }
  void wake(Fiber& fiber) { fiber.wake_at = now_; }
  /// Until that one has ended.
  void join(Fiber& fiber);

  /// What was wrong first; the run ends with it.
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }
  [[nodiscard]] const std::string& failure() const { return failure_; }

  /// The one that runs now.
  static World& here() { return *here_; }
  static bool exists() { return here_ != nullptr; }

 private:
  Fiber* choose(base::TimePoint limit);
  Fiber* dying();
  void resume(Fiber& fiber);
  void leave();
  static void begin();

  static inline World* here_ = nullptr;
  Draws* const draws_;
  base::TimePoint now_{1h};
  std::deque<Process> processes_;
  std::list<std::shared_ptr<Fiber>> fibers_;  // in the order in which they have waited
  std::uint64_t spawned_ = 0;
  Fiber* current_ = nullptr;
  ucontext_t scheduler_{};
  std::string failure_;
};

}  // namespace poetry::sync::simulation
