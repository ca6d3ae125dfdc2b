// What the engines have in common, in one thread over a multiplexer: accepting within quotas and
// descriptors, obeying the host, draining, and services that have news. An engine derives from it
// and says what becomes of an accepted connection. It lives for one Engine::serve().
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "engine/deadlines.hpp"
#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/multiplexer.hpp"

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

/// Whether this loop refreshes its services, or the processes that serve the connections do; then
/// none of a service's functions is called here.
enum class News { here, elsewhere };

/// After a service failed to refresh, try again so soon.
inline constexpr auto refresh_retry = std::chrono::seconds(1);

class Loop {
 public:
  /// Borrows all of them for its life.
  Loop(Multiplexer& multiplexer, std::span<Port> ports, Host& host, const EngineOptions& options,
       News news = News::here);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// Serves until a command ends it, then ends every connection, also where it raises.
  void run();

 protected:
  /// Whatever waits for a descriptor or a time. Unwatch it before it is destroyed.
  struct Waiter : Deadline {
    virtual ~Waiter() = default;
    /// Its descriptor is ready for `what`; none: its time has come. May end by destroying itself.
    virtual void wake(Interest what) = 0;
  };

  /// Wakes the waiter in every turn in which `fd` is ready for some of `interest`, or fails; none
  /// ends that, and must come before `fd` is closed.
  void watch(int fd, Interest interest, Waiter& waiter);
  /// Ends the watch of a descriptor that is closed next.
  void forget(int fd);
  /// Wakes the waiter once at the first tick from `at` on, in place of what was asked before;
  /// `never` is not at all.
  void wake_at(Waiter& waiter, TimePoint at);
  /// Wakes the waiter once in the next turn, whatever the tick.
  void wake_next(Waiter& waiter) { wake_at(waiter, TimePoint::min()); }

  /// Takes a connection that waits at the port, as accept_from() does.
  virtual Accepted take_from(Port& port) { return accept_from(port.listener.get()); }
  /// An accepted connection is the engine's from here on, which calls released() once when it has
  /// ended. What it raises is logged, and the connection reset; but where it lacks descriptors,
  /// memory, threads or processes and the arrival still has its socket, nothing is accepted for a
  /// while and the arrival is offered again.
  virtual void admit(Arrival& arrival, Port& port, Place place) = 0;
  /// The service's listening sessions have news; where that is found elsewhere: it drains.
  virtual void tell(const Service& service) = 0;
  /// Ends every connection with Reason::shutdown; returns when all are released.
  virtual void end_all() = 0;

  void released(const Ended& connection);
  /// Waits once and wakes whoever is to be woken; for an end_all() that has to wait.
  void turn();

 private:
  /// A listener and whether it accepts.
  struct Door : Waiter {
    Door(Loop& its_loop, Port& its_port) : loop(its_loop), port(its_port) {}
    void wake(Interest /*what*/) override { loop.accept(*this); }
    Loop& loop;
    Port& port;
    bool paused = false;
    std::optional<Arrival> arrival;  // that the engine could not take yet
  };
  /// A service that may have news.
  struct Source : Waiter {
    Source(Loop& its_loop, std::shared_ptr<Service> its_service)
        : loop(its_loop), service(std::move(its_service)) {}
    void wake(Interest /*what*/) override { loop.refresh(*this); }
    Loop& loop;
    std::shared_ptr<Service> service;
    int readable = -1;
    bool retired = false;  // no port has it any more
  };
  /// One of the loop's own functions, when it is time.
  struct Call : Waiter {
    explicit Call(std::function<void()> what) : call(std::move(what)) {}
    void wake(Interest /*what*/) override { call(); }
    std::function<void()> call;
  };

  void start();
  void finish();
  void take_command();
  void obey(Command command) { wanted_ = std::max(wanted_, command); }
  void start_draining();
  void drain_services();

  void accept(Door& door);
  [[nodiscard]] bool next_arrival(Door& door);
  [[nodiscard]] bool let_in(Door& door);
  void turn_away(Door& door, Reason reason);
  void pause(Door& door, const std::error_code& error);
  void resume_accepting();

  void find_sources();
  void drop_unused_sources();
  void forget_sources();
  void refresh(Source& source);

  Multiplexer& multiplexer_;
  std::span<Port> ports_;
  Host& host_;
  EngineOptions options_;
  News news_;
  int process_;                  // this one
  std::deque<Waiter*> waiters_;  // by descriptor
  std::list<Door> doors_;
  std::list<Source> sources_;
  std::vector<const Service*> served_;  // by port, as sources_ were last looked through
  Call control_{[this] { take_command(); }};
  Call drain_end_{[this] { obey(Command::stop); }};
  Call accept_again_{[this] { resume_accepting(); }};
  std::size_t held_ = 0;             // connections that are not released
  std::size_t paused_ = 0;           // doors
  std::size_t paused_at_ = 0;        // held when descriptors ran out and we said so, or 0
  Command wanted_ = Command::go_on;  // takes effect at the end of a turn
  bool draining_ = false;
  bool sources_retired_ = false;
  Deadlines deadlines_;  // goes first, so that nothing above is armed when it goes
};

}  // namespace poetry
