// What the engines have in common, in one thread over a multiplexer: accepting within quotas and
// descriptors, obeying the host, draining, and services that have news. An engine derives from it
// and says what becomes of an accepted connection. It lives for one Engine::serve().
#pragma once

#include <list>
#include <vector>

#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/multiplexer.hpp"
#include "reactor/timers.hpp"

namespace poetry {

/// A connection's place in the quota that it counts against.
class Place {
 public:
  Place() = default;
  explicit Place(std::shared_ptr<Quota> quota) : quota_(std::move(quota)) { ++quota_->held; }
  Place(Place&&) noexcept = default;
  Place& operator=(Place&& other) noexcept {
    give_back();
    quota_ = std::move(other.quota_);
    return *this;
  }
  ~Place() { give_back(); }

 private:
  void give_back() {
    if (quota_) --quota_->held;
    quota_.reset();
  }
  std::shared_ptr<Quota> quota_;
};

/// A connection that was accepted and has not begun.
struct Arrival {
  Fd socket;  ///< non-blocking
  Address address;
  Peer peer;
  TimePoint at;
};

/// Whether this loop refreshes its services, or the processes that serve the connections do.
enum class News { here, elsewhere };

class Loop {
 public:
  /// Borrows all of them for its life.
  Loop(Multiplexer& multiplexer, std::span<Port> ports, Host& host, const EngineOptions& options,
       News news = News::here);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop();

  /// Serves until a command ends it, then ends every connection.
  void run();

 protected:
  /// Whatever waits for a descriptor or a time. Unwatch it before it is destroyed.
  struct Waiter : Timer {
    virtual ~Waiter() = default;
    /// Its descriptor is ready for `what`; none: its time has come. May end by destroying itself.
    virtual void wake(Interest what) = 0;
  };

  /// Wakes the waiter in every turn in which `fd` is ready for some of `interest`, or fails; none
  /// ends that, and must come before `fd` is closed.
  void watch(int fd, Interest interest, Waiter& waiter);
  /// Wakes the waiter once at `at`, in place of what was asked before; `never` is not at all.
  void wake_at(Waiter& waiter, TimePoint at);

  /// An accepted connection is the engine's from here on, which calls released() once when it has
  /// ended. What it raises is logged, and the connection closed.
  virtual void admit(Arrival arrival, Port& port, Place place) = 0;
  /// The service's listening sessions have news.
  virtual void tell(const Service& service) = 0;
  /// Ends every connection with Reason::shutdown; returns when all are released.
  virtual void end_all() = 0;

  void released(const Ended& connection);
  [[nodiscard]] bool draining() const { return draining_; }
  /// Every distinct service that is served here.
  [[nodiscard]] std::vector<std::shared_ptr<Service>> services() const;

 private:
  struct Door;
  struct Source;
  struct Call;

  void turn();
  void obey(Command command);
  void start_draining();
  void accept(Door& door);
  void let_in(Door& door, Accepted accepted);
  void pause(Door& door, const std::error_code& error);
  void resume_accepting();
  void find_sources();
  void drop_unused_sources();
  void refresh(Source& source);

  Multiplexer& multiplexer_;
  std::span<Port> ports_;
  Host& host_;
  EngineOptions options_;
  News news_;
  Timers timers_;
  std::vector<Waiter*> waiters_;  // by descriptor
  std::list<Door> doors_;
  std::list<Source> sources_;
  std::unique_ptr<Call> control_;
  std::unique_ptr<Call> drain_end_;
  std::unique_ptr<Call> accept_again_;
  std::size_t held_ = 0;       // connections that are not released
  std::size_t paused_ = 0;     // doors
  std::size_t paused_at_ = 0;  // held when descriptors ran out and we said so, or 0
  Command wanted_ = Command::go_on;
  bool draining_ = false;
  bool sources_retired_ = false;  // a reload left some that only their sessions need
};

}  // namespace poetry
