// The engine that never blocks, in one thread: every connection waits in one multiplexer.
#include <array>

#include "engine/engine.hpp"
#include "engine/linked_loop.hpp"

namespace poetry::engine {
namespace {

struct Watched {
  reactor::Interest watched = reactor::Interest::none;
};

class ReactorLoop : public LinkedLoop<Watched> {
 public:
  using LinkedLoop::LinkedLoop;

 private:
  void proceed(Link& link, Event event) override {
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

  void release(Link& link) override {
    events().wake_at(link, base::never);
    if (link.watched != reactor::Interest::none) events().forget(link.connection.socket());
    destroy(link);
  }

  std::array<char, 65536> buffer_{};  // lent to one connection at a time
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
