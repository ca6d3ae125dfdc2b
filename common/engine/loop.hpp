// What the engines have in common, over an event loop in one thread: accepting within quotas and
// descriptors, obeying the host, draining, and services that have news. An engine derives from it
// and says what becomes of an accepted connection. It lives for one Engine::serve().
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <list>
#include <optional>
#include <vector>

#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/event_loop.hpp"

namespace poetry::engine {

/// What connections of a port share that began with the same service and limits: one pointer of
/// theirs. Kept by them and by the loop, until it is told that the port may have changed.
struct Terms : boost::intrusive_ref_counter<Terms> {
  explicit Terms(const Port& its)
      : port(its), service(its.service), quota(its.quota), send_timeout(its.send_timeout) {}

  const Port& port;
  const std::shared_ptr<session::Service> service;
  const std::shared_ptr<Quota> quota;
  const base::Duration send_timeout;
};
using SharedTerms = boost::intrusive_ptr<const Terms>;

/// A connection that was taken and has not begun.
struct AcceptedSocket {
  base::Fd socket;  ///< non-blocking, but for the engine that asked for others
  net::Address address;
  session::Peer peer;
  base::TimePoint at;
};

/// Whether this loop refreshes its services, or the processes that serve the connections do; then
/// none of a service's functions is called here.
enum class News { here, elsewhere };

/// What the service's refresh() says; where that fails, which is logged, to look again in a second,
/// whatever is readable until then.
session::Refresh refreshed(session::Service& service);

/// Before a process ends: lets a service end what it is doing, within a moment.
void settle(session::Service& service);

class Loop : public Connections {
 public:
  /// Borrows all of them for its life.
  Loop(reactor::Multiplexer& multiplexer, std::span<Port> ports, Host& host,
       const EngineOptions& options, News news = News::here,
       net::Blocking sockets = net::Blocking::no);

  /// Serves until a command ends it, then ends every connection, also where it raises.
  void run();

 protected:
  /// An accepted connection is the engine's from here on, which calls released() once when it has
  /// ended. What it raises is logged, and the connection reset; but where it lacks descriptors,
  /// memory, threads or processes and the accepted still has its socket, nothing is taken for a
  /// while and the accepted is offered again.
  virtual void admit(AcceptedSocket& accepted, const SharedTerms& terms) = 0;
  /// The service's listening sessions have news; where that is found elsewhere: it drains.
  virtual void tell(const session::Service& service) = 0;
  /// Ends every connection with Reason::shutdown; returns when all are released.
  virtual void end_all() = 0;

  void released(const Ended& connection, const Terms& terms);

  reactor::EventLoop& events() { return events_; }

 private:
  /// A listener and whether it accepts.
  struct AcceptingPort : reactor::Waiter {
    AcceptingPort(Loop& its_loop, Port& its_port) : loop(its_loop), port(its_port) {}
    void wake(reactor::Interest /*what*/) override { loop.accept(*this); }
    Loop& loop;
    Port& port;
    SharedTerms terms;  // of who is accepted next; none yet where that is empty
    bool paused = false;
    std::optional<AcceptedSocket> accepted;  // that the engine could not take yet
  };
  /// A service that may have news.
  struct Source : reactor::Waiter {
    Source(Loop& its_loop, std::shared_ptr<session::Service> its_service)
        : loop(its_loop), service(std::move(its_service)) {}
    void wake(reactor::Interest /*what*/) override { loop.refresh(*this); }
    Loop& loop;
    std::shared_ptr<session::Service> service;
    int readable = -1;
    bool retired = false;  // no port has it any more
  };

  void take_turn();
  void finish();
  void take_command();
  void obey(Command command) { wanted_ = std::max(wanted_, command); }
  void start_draining();
  void drain_services();

  void accept(AcceptingPort& accepting);
  [[nodiscard]] bool has_next(AcceptingPort& accepting);
  [[nodiscard]] bool let_in(AcceptingPort& accepting);
  void turn_away(AcceptingPort& accepting, Reason reason);
  void uncount(const Terms& terms);
  void report(const Ended& connection);
  void pause(AcceptingPort& accepting, std::string_view shortage = {});
  void resume_accepting();

  void find_sources();
  void drop_unused_sources();
  void forget_sources();
  void refresh(Source& source);

  std::span<Port> ports_;
  Host& host_;
  EngineOptions options_;
  News news_;
  net::Blocking sockets_;
  int process_;  // this one
  std::list<AcceptingPort> accepting_ports_;
  std::list<Source> sources_;
  std::vector<const session::Service*> served_;  // by port, as sources_ were last looked through
  reactor::Callback control_{[this] { take_command(); }};
  reactor::Callback drain_end_{[this] { obey(Command::stop); }};
  reactor::Callback accept_again_{[this] { resume_accepting(); }};
  std::size_t held_ = 0;             // connections that are not released
  std::size_t paused_ = 0;           // accepting ports
  std::size_t paused_at_ = 0;        // held when descriptors ran out and we said so, or 0
  Command wanted_ = Command::go_on;  // takes effect at the end of a turn
  bool draining_ = false;
  bool sources_retired_ = false;
  reactor::EventLoop events_;
};

}  // namespace poetry::engine
