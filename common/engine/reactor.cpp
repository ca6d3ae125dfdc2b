// The engine that never blocks, in one thread: every connection waits in one multiplexer.
#include <array>
#include <deque>

#include "engine/connection.hpp"
#include "engine/engine.hpp"

namespace poetry::engine {
namespace {

class ReactorLoop : public Loop {
 public:
  using Loop::Loop;

 private:
  /// A connection and what it waits for.
  struct Link : reactor::Waiter {
    Link(ReactorLoop& its_loop, AcceptedSocket& accepted, const Port& port, QuotaSlot its_slot)
        : loop(its_loop), slot(std::move(its_slot)), connection(std::move(accepted), port) {}
    void wake(reactor::Interest what) override {
      loop.proceed(*this, reactor::has(what, reactor::Interest::read)    ? Event::input
                          : reactor::has(what, reactor::Interest::write) ? Event::output
                                                                         : Event::nothing);
    }
    ReactorLoop& loop;
    QuotaSlot slot;
    Connection connection;
    reactor::Interest watched = reactor::Interest::none;
  };

  void admit(AcceptedSocket& accepted, Port& port, QuotaSlot slot) override {
    const auto at = static_cast<std::size_t>(accepted.socket.get());
    if (at >= links_.size()) links_.resize(at + 1);
    links_[at] = std::make_unique<Link>(*this, accepted, port, std::move(slot));
    proceed(*links_[at], Event::nothing);
  }

  void tell(const session::Service& service) override {
    for (auto& link : links_) {
      if (link && &link->connection.service() == &service) proceed(*link, Event::news);
    }
  }

  void end_all() override {
    end_if([](const Held&) { return true; });
  }

  void end_if(const std::function<bool(const Held&)>& unwanted) override {
    const auto now = base::Clock::now();
    for (auto& link : links_) {
      if (!link || !unwanted(link->connection.held(now))) continue;
      link->connection.end(Reason::shutdown);
      release(*link);
    }
  }

  void proceed(Link& link, Event event) {
    const auto wanted = link.connection.proceed(event, base::Clock::now(), buffer_);
    try {
      if (!wanted.over) wait(link, wanted);
    } catch (const std::exception& error) {
      link.connection.fail(error);
      release(link);
      return;
    }
    if (wanted.over) release(link);
  }

  void wait(Link& link, const Awaited& wanted) {
    // Soon over: not worth a change of what is watched.
    if (wanted.turn) return events().wake_next(link);
    events().wake_at(link, wanted.until);
    const auto interest = (wanted.input ? reactor::Interest::read : reactor::Interest::none) |
                          (wanted.output ? reactor::Interest::write : reactor::Interest::none);
    if (interest == link.watched) return;
    events().watch(link.connection.socket(), interest, link);
    link.watched = interest;
  }

  void release(Link& link) {
    const auto socket = link.connection.socket();
    events().wake_at(link, base::never);
    if (link.watched != reactor::Interest::none) events().forget(socket);
    const auto gone = std::move(links_[static_cast<std::size_t>(socket)]);
    gone->connection.close();
    gone->slot = {};
    released(gone->connection.ended(base::Clock::now()));
  }

  std::deque<std::unique_ptr<Link>> links_;  // by descriptor
  std::array<char, 65536> buffer_{};         // lent to one connection at a time
};

}  // namespace

Engine make_reactor_engine(
    std::function<std::unique_ptr<reactor::Multiplexer>()> make_multiplexer) {
  return {[make = std::move(make_multiplexer)](std::span<Port> ports, Host& host,
                                               const EngineOptions& options) {
            const auto multiplexer = make();
            ReactorLoop(*multiplexer, ports, host, options).run();
          },
          [] { return descriptor_capacity(); }};
}

}  // namespace poetry::engine
