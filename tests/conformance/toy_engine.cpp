#include "conformance/toy_engine.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>
#include <thread>
#include <vector>

#include "base/seed.hpp"
#include "engine/connection.hpp"
#include "engine/engine.hpp"

namespace poetry::conformance {
namespace {

/// Between two rounds: deadlines are late by about as much.
constexpr auto nap = std::chrono::microseconds(500);
/// After a service failed to refresh, try again so soon.
constexpr auto refresh_retry = std::chrono::seconds(1);

bool is_readable(int fd) {
  pollfd asked{fd, POLLIN, 0};  // poll(2) passes over a negative descriptor
  return ::poll(&asked, 1, 0) > 0;
}

/// It tells its host of no connection.
struct NoConnections : engine::Connections {
  void end_if(const std::function<bool(const engine::Held&)>& /*unwanted*/) override {}
};

/// One Engine::serve().
class Rounds {
 public:
  Rounds(std::span<engine::Port> ports, engine::Host& host, const engine::EngineOptions& options)
      : ports_(ports), host_(host), options_(options) {}

  void run() {
    NoConnections none;
    host_.ready();
    while (wanted_ != engine::Command::stop && !(draining_ && links_.empty())) {
      if (is_readable(options_.controls.at(0))) obey(host_.control(none));
      find_sources();
      for (auto& source : sources_) try_refresh(source);
      for (auto& port : ports_) try_accept(port);
      try_connections();
      if (wanted_ == engine::Command::drain && !draining_) start_draining();
      if (base::Clock::now() >= drain_end_) obey(engine::Command::stop);
      std::this_thread::sleep_for(nap);
    }
    for (auto& port : ports_) port.listener.reset();
    while (!links_.empty()) {
      links_.front().connection.end(engine::Reason::shutdown);
      release(links_.begin());
    }
  }

 private:
  /// A connection and what it waits for.
  struct Link {
    Link(engine::AcceptedSocket accepted, engine::Port& port)
        : connection(std::move(accepted), new engine::Terms(port)) {
      ++port.quota->held;
    }
    engine::Connection connection;
    engine::Awaited awaited{.turn = true};
  };
  /// A service and what it asked for last: at first, to be called at once.
  struct Source {
    std::shared_ptr<session::Service> service;
    session::Refresh asked{base::TimePoint::min()};
  };

  void obey(engine::Command command) { wanted_ = std::max(wanted_, command); }

  void try_accept(engine::Port& port) {
    if (!port.listener || port.quota->full() || wanted_ != engine::Command::go_on) return;
    auto accepted = net::accept_from(port.listener.get());
    if (!accepted.socket) return;  // nobody waits, or no descriptor is left for now
    const auto number = ++port.counters->accepted;
    const session::Peer peer{number, base::derive_seed(port.seed, number), port.at.port,
                             ::getpid()};
    try {
      links_.emplace_back(engine::AcceptedSocket{std::move(accepted.socket), accepted.peer, peer,
                                                 base::Clock::now()},
                          port);
    } catch (const std::exception& error) {
      spdlog::error("port={} conn={}: {}", port.at.port, number, error.what());
      obey(host_.ended({port, accepted.peer, number, 0, base::Duration{0}, engine::Reason::fault}));
    }
  }

  void try_connections() {
    for (auto at = links_.begin(); at != links_.end();) {
      const auto link = at++;
      const auto& [input, output, until, turn, over] = link->awaited;
      if (input) {
        proceed(*link, engine::Event::input);
      } else if (output || turn || until <= base::Clock::now()) {
        proceed(*link, engine::Event::output);
      }
      if (over) release(link);
    }
  }

  void proceed(Link& link, engine::Event event) {
    link.awaited = link.connection.proceed(event, base::Clock::now(), buffer_);
  }

  void release(std::list<Link>::iterator link) {
    link->connection.close();
    --link->connection.terms().quota->held;
    obey(host_.ended(link->connection.ended(base::Clock::now())));
    links_.erase(link);
  }

  /// The host may have put other services in; the old ones go when their last session has.
  void find_sources() {
    for (const auto& port : ports_) {
      const auto is_its = [&port](const Source& source) { return source.service == port.service; };
      if (std::none_of(sources_.begin(), sources_.end(), is_its)) {
        sources_.push_back({port.service});
      }
    }
    std::erase_if(sources_, [](const Source& source) { return source.service.use_count() == 1; });
  }

  void try_refresh(Source& source) {
    const auto now = base::Clock::now();
    if (source.asked.again > now && !is_readable(source.asked.readable)) return;
    try {
      source.asked = source.service->refresh(now);
      if (source.asked.news) tell(*source.service);
    } catch (const std::exception& error) {
      spdlog::error("{}", error.what());
      source.asked = {base::later(now, refresh_retry)};
    }
  }

  void tell(const session::Service& service) {
    for (auto& link : links_) {
      if (link.connection.terms().service.get() == &service) proceed(link, engine::Event::news);
    }
  }

  void start_draining() {
    draining_ = true;
    drain_end_ = base::later(base::Clock::now(), options_.drain_timeout);
    for (auto& port : ports_) port.listener.reset();
    for (auto& source : sources_) {
      source.service->drain();
      tell(*source.service);
    }
  }

  std::span<engine::Port> ports_;
  engine::Host& host_;
  engine::EngineOptions options_;
  std::list<Link> links_;
  std::vector<Source> sources_;
  std::array<char, 65536> buffer_{};  // lent to one connection at a time
  engine::Command wanted_ = engine::Command::go_on;
  bool draining_ = false;
  base::TimePoint drain_end_ = base::never;
};

}  // namespace

engine::Engine make_toy_engine() {
  return {[](std::span<engine::Port> ports, engine::Host& host,
             const engine::EngineOptions& options) { Rounds(ports, host, options).run(); },
          [] { return engine::descriptor_capacity(); }};
}

}  // namespace poetry::conformance
