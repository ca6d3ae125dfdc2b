// The threads and the time of a simulated world. A thread is a fiber, which begins by
// makecontext(3) and goes on by longjmp(3), which unlike swapcontext(3) makes no system call: one
// runs at a time, until it waits; who is next is drawn. Time passes only while all wait, straight
// to what comes next. Owned by its world, in one real thread.
#pragma once

#include <csetjmp>

#include <array>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "simulation/draw.hpp"

namespace poetry::simulation {

/// When a world begins, far from the zero of the clock.
inline constexpr base::TimePoint epoch{std::chrono::hours(5)};

/// Of the simulated processes: whose threads, descriptors and signals they are.
using Process = unsigned;

struct Fiber {
  enum class State { ready, waiting, over };

  Process process = 0;
  State state = State::ready;
  std::function<void()> body;
  base::TimePoint until = base::never;  // where it waits, as long as this at most
  bool (*holds)(void*) = nullptr;       // or until this holds
  void* condition = nullptr;
  bool signalled = false;             // by pthread_kill(3), and has not been told
  int error = 0;                      // its errno
  std::array<void*, 2> exceptions{};  // those that it handles
  bool begun = false;
  std::jmp_buf place{};  // where it goes on
  std::unique_ptr<char[]> stack;
};

class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] base::TimePoint now() const { return now_; }
  Draw& draw() { return draw_; }

  /// Returns its number.
  std::size_t spawn(Process process, std::function<void()> body);
  Fiber& fiber(std::size_t number) { return *fibers_[number]; }
  /// The one that runs; null outside of all.
  Fiber* current() { return current_; }

  /// Calls the function at that time, between two turns of fibers.
  void at(base::TimePoint time, std::function<void()> function);
  /// Something has changed that a thread of this process may wait for.
  void touch(Process process) { touched_ |= 1U << process; }

  /// The running thread waits until the condition holds, or the time has come: false then.
  template <typename Condition>
  bool wait(base::TimePoint until, Condition&& condition) {
    using Held = std::remove_reference_t<Condition>;
    return wait_for(
        until, [](void* held) { return (*static_cast<Held*>(held))(); },
        const_cast<std::remove_const_t<Held>*>(&condition));
  }
  /// Lets the others have a turn.
  void yield();
  /// What is due by now happens.
  void happen();
  /// Time that a call of the running thread takes. After many in a row the others get a turn, so
  /// that one which waits in a circle is no end.
  void spend(base::Duration time);

  /// Runs until no thread is left. Where that does not come, says why: nobody can go on, or it
  /// takes too long.
  std::string run();
  /// How often a thread got its turn.
  [[nodiscard]] std::uint64_t turns() const { return turns_; }
  /// A number that differs where two runs do.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  void note(std::uint64_t what) { trace_ = base::derive_seed(trace_ ^ what, 1); }

 private:
  struct Event {
    base::TimePoint at;
    std::uint64_t number;
    std::function<void()> function;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  static void enter();
  bool wait_for(base::TimePoint until, bool (*holds)(void*), void* condition);
  void begin(Fiber& fiber);
  void resume(Fiber& fiber);
  void suspend();
  void wake_some();
  bool pass_time();

  static constexpr std::size_t stack_size = std::size_t{192} << 10U;
  static constexpr std::uint64_t max_turns = 3'000'000;
  static constexpr std::uint64_t max_turns_a_moment = 500'000;
  static constexpr unsigned max_calls = 200;  // in one turn

  Draw draw_;
  base::TimePoint now_ = epoch;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<std::size_t> ready_;
  std::vector<std::size_t> waiting_;
  std::priority_queue<Event> events_;
  std::uint64_t event_count_ = 0;
  unsigned touched_ = 0;
  Fiber* current_ = nullptr;
  std::jmp_buf main_{};
  std::size_t alive_ = 0;
  std::uint64_t turns_ = 0;
  base::TimePoint moment_ = epoch;  // in which it is
  std::uint64_t turns_of_moment_ = 0;
  unsigned calls_ = 0;  // in this turn
  std::uint64_t trace_ = 0;
};

}  // namespace poetry::simulation
