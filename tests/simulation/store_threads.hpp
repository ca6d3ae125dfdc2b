// What the worker takes from the standard library to wait and to start threads, over a world's
// fibers. Every other name of it is the standard library's own: the worker's sources are compiled
// with this namespace in the place of std.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "simulation/store_world.hpp"

namespace simulated_std {

using namespace std;
using poetry::sync::simulation::Fiber;
using poetry::sync::simulation::World;

/// Threads take turns only where they wait, so that nobody finds it locked for long.
class mutex {
 public:
  void lock() {
    while (locked_) World::here().pause(chrono::milliseconds(1));
    locked_ = true;
  }
  void unlock() { locked_ = false; }

 private:
  bool locked_ = false;
};

class condition_variable_any {
 public:
  template <typename Lock, typename Condition>
  bool wait_until(Lock& lock, poetry::base::TimePoint until, const Condition& condition) {
    auto& world = World::here();
    while (!condition()) {
      if (world.now() >= until) return false;
      const Waiting waiting(waiting_, world.current());
      lock.unlock();
      world.wait(until);
      lock.lock();
    }
    return true;
  }
  template <typename Lock, typename Condition>
  bool wait_for(Lock& lock, poetry::base::Duration longest, const Condition& condition) {
    return wait_until(lock, poetry::base::later(World::here().now(), longest), condition);
  }
  template <typename Lock, typename Condition>
  bool wait_for(Lock& lock, const stop_token& stopping, poetry::base::Duration longest,
                const Condition& condition) {
    const stop_callback told(stopping, [this] { notify_all(); });
    return wait_for(lock, longest, [&] { return stopping.stop_requested() || condition(); }) &&
           condition();
  }
  template <typename Lock, typename Condition>
  void wait(Lock& lock, const Condition& condition) {
    wait_until(lock, poetry::base::never, condition);
  }
  void notify_all() {
    for (auto* const each : waiting_) World::here().wake(*each);
  }

 private:
  struct Waiting {
    Waiting(vector<Fiber*>& list, Fiber& fiber) : all(list), who(&fiber) { all.push_back(who); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { std::erase(all, who); }
    vector<Fiber*>& all;
    Fiber* const who;
  };
  vector<Fiber*> waiting_;
};
using condition_variable = condition_variable_any;

class jthread {
 public:
  jthread() noexcept = default;
  template <typename Body>
  requires(!is_same_v<decay_t<Body>, jthread>) explicit jthread(Body body)
      : stop_(make_unique<stop_source>()) {
    auto& world = World::here();
    fiber_ = world.spawn(world.current().process,
                         [body = std::move(body), token = stop_->get_token()]() mutable {
                           if constexpr (is_invocable_v<Body, stop_token>) {
                             body(token);
                           } else {
                             body();
                           }
                         });
  }
  jthread(jthread&&) noexcept = default;
  jthread& operator=(jthread&& other) noexcept {
    end();
    stop_ = std::move(other.stop_);
    fiber_ = std::move(other.fiber_);
    return *this;
  }
  ~jthread() { end(); }

  void request_stop() {
    if (stop_) stop_->request_stop();
  }
  Fiber* native_handle() { return fiber_.get(); }

 private:
  void end() {
    if (!fiber_) return;
    request_stop();
    World::here().join(*fiber_);
    fiber_.reset();
  }
  unique_ptr<stop_source> stop_;
  shared_ptr<Fiber> fiber_;
};

namespace this_thread {
inline void sleep_for(poetry::base::Duration duration) { World::here().pause(duration); }
}  // namespace this_thread

}  // namespace simulated_std
