// The loop of an engine in one thread, which holds its connections itself, by their descriptors. An
// engine derives from it and says how they go on; `State` is what it knows of each.
#pragma once

#include <deque>

#include "engine/connection.hpp"

namespace poetry::engine {

template <typename State>
class LinkedLoop : public Loop {
 protected:
  using Loop::Loop;

  /// A connection, which stays where it is.
  struct Link : reactor::Waiter, State {
    Link(LinkedLoop& its_loop, AcceptedSocket& accepted, const SharedTerms& terms)
        : loop(its_loop), connection(std::move(accepted), terms) {}
    void wake(reactor::Interest what) override {
      loop.proceed(*this, reactor::has(what, reactor::Interest::read)    ? Event::input
                          : reactor::has(what, reactor::Interest::write) ? Event::output
                                                                         : Event::nothing);
    }
    bool over = false;  // where that takes no room, beside the state
    LinkedLoop& loop;
    Connection connection;
  };

  /// Carries out what can be done now; may destroy the link.
  virtual void proceed(Link& link, Event event) = 0;
  /// Of one that is over: destroys it as soon as nothing of it is under way any more.
  virtual void release(Link& link) = 0;

  void destroy(Link& link) {
    const auto gone = std::move(links_[static_cast<std::size_t>(link.connection.socket())]);
    --linked_;
    gone->connection.close();
    released(gone->connection.ended(base::Clock::now()), gone->connection.terms());
  }

 private:
  void admit(AcceptedSocket& accepted, const SharedTerms& terms) override {
    const auto at = static_cast<std::size_t>(accepted.socket.get());
    if (at >= links_.size()) links_.resize(at + 1);
    links_[at] = std::make_unique<Link>(*this, accepted, terms);
    ++linked_;
    proceed(*links_[at], Event::nothing);
  }

  void tell(const session::Service& service) override {
    for (auto& link : links_) {
      if (link && !link->over && link->connection.terms().service.get() == &service)
        proceed(*link, Event::news);
    }
  }

  void end_if(const std::function<bool(const Held&)>& unwanted) override {
    const auto now = base::Clock::now();
    for (auto& link : links_) {
      if (!link || link->over || !unwanted(link->connection.held(now))) continue;
      link->connection.end(Reason::shutdown);
      release(*link);
    }
  }

  void end_all() override {
    end_if([](const Held&) { return true; });
    while (linked_ > 0) events().turn();
  }

  std::deque<std::unique_ptr<Link>> links_;  // by descriptor
  std::size_t linked_ = 0;
};

}  // namespace poetry::engine
