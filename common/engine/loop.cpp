#include "engine/loop.hpp"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <thread>

#include "base/log.hpp"
#include "base/seed.hpp"

namespace poetry::engine {
namespace {

/// Between accepting so many, connections under way get their turn; a process takes a millisecond.
constexpr int accepts_per_turn = 64;
constexpr int processes_per_turn = 8;
/// After running out of descriptors, look again so soon even if no connection of ours ends.
constexpr auto accept_retry = std::chrono::seconds(1);

/// Whether it is for want of something that comes back when others end.
bool is_shortage(const std::error_code& error) {
  return net::is_shortage(error) || error == std::errc::resource_unavailable_try_again;
}

}  // namespace

Loop::Loop(reactor::Multiplexer& multiplexer, std::span<Port> ports, Host& host,
           const EngineOptions& options, News news, net::Blocking sockets)
    : ports_(ports),
      host_(host),
      options_(options),
      news_(news),
      sockets_(sockets),
      process_(::getpid()),
      events_(multiplexer, options.tick) {
  for (auto& port : ports_)
    if (port.listener) accepting_ports_.emplace_back(*this, port);
}

void Loop::run() {
  try {
    for (const int fd : options_.controls) events_.watch(fd, reactor::Interest::read, control_);
    for (auto& accepting : accepting_ports_)
      events_.watch(accepting.port.listener.get(), reactor::Interest::read, accepting);
    find_sources();
    host_.ready();
    while (wanted_ != Command::stop && !(draining_ && held_ == 0)) {
      take_turn();
      if (wanted_ == Command::drain && !draining_) start_draining();
      if (sources_retired_) drop_unused_sources();
    }
  } catch (...) {
    finish();
    throw;
  }
  finish();
}

/// What found no memory between connections is done by a later turn.
void Loop::take_turn() {
  try {
    events_.turn();
  } catch (const std::bad_alloc&) {
    base::log_error("out of memory");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void Loop::finish() {
  wanted_ = Command::stop;
  if (!draining_) start_draining();
  end_all();
  forget_sources();
  for (const int fd : options_.controls) events_.watch(fd, reactor::Interest::none, control_);
}

/// The host may have put in other services, or changed quotas, as well.
void Loop::take_command() {
  obey(host_.control(*this));
  for (auto& accepting : accepting_ports_) accepting.terms.reset();
  find_sources();
  resume_accepting();
}

/// Accepts no more; sessions go on until they end or the time is over.
void Loop::start_draining() {
  draining_ = true;
  for (auto& accepting : accepting_ports_) {
    events_.watch(accepting.port.listener.get(), reactor::Interest::none, accepting);
    accepting.port.listener.reset();
    events_.wake_at(accepting, base::never);
    if (accepting.accepted) turn_away(accepting, Reason::shutdown);
  }
  events_.wake_at(accept_again_, base::never);
  if (held_ == 0 || wanted_ == Command::stop) return;
  events_.wake_at(drain_end_, base::later(base::Clock::now(), options_.drain_timeout));
  drain_services();
}

void Loop::accept(AcceptingPort& accepting) {
  const int most = news_ == News::elsewhere ? processes_per_turn : accepts_per_turn;
  for (int i = 0; i < most && wanted_ == Command::go_on; ++i) {
    if (accepting.port.quota->full()) return pause(accepting);
    if (!has_next(accepting) || !let_in(accepting)) return;
  }
}

/// Whether a connection is there: one that the engine could not take before, or the next one.
bool Loop::has_next(AcceptingPort& accepting) {
  if (accepting.accepted) return true;
  auto& port = accepting.port;
  auto taken = net::accept_from(port.listener.get(), sockets_);
  if (!taken.socket) {
    if (taken.error != std::errc::operation_would_block) {
      pause(accepting, taken.error.message());
    } else if (held_ <= paused_at_ / 2) {
      paused_at_ = 0;
    }
    return false;
  }
  const auto number = ++port.counters->accepted;
  accepting.accepted.emplace(
      AcceptedSocket{std::move(taken.socket),
                     taken.peer,
                     {number, base::derive_seed(port.seed, number), port.at.port, process_},
                     base::Clock::now()});
  return true;
}

/// False where the engine cannot take it now.
bool Loop::let_in(AcceptingPort& accepting) {
  auto& accepted = *accepting.accepted;
  accepted.at = base::Clock::now();  // waiting here is like waiting in the backlog
  SharedTerms terms;
  try {
    if (!accepting.terms) accepting.terms.reset(new Terms(accepting.port));
    terms = accepting.terms;
    ++held_;
    ++*accepting.port.held;
    ++terms->quota->held;
    if (base::is_logged(base::LogLevel::debug)) {
      base::log_facts(base::LogLevel::debug, "accepted",
                      {{"peer", net::to_string(accepted.address)},
                       {"port", accepting.port.at.port},
                       {"conn", accepted.peer.number}});
    }
    admit(accepted, terms);
    accepting.accepted.reset();
    return true;
  } catch (const std::exception& error) {
    if (terms) uncount(*terms);
    const auto* const of_system = dynamic_cast<const std::system_error*>(&error);
    const bool passes = of_system != nullptr
                            ? is_shortage(of_system->code())
                            : dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    if (passes && accepted.socket) {
      pause(accepting, error.what());
      return false;
    }
    base::log_error("port={} conn={}: {}", accepting.port.at.port, accepted.peer.number,
                    error.what());
  }
  turn_away(accepting, Reason::fault);
  return true;
}

/// Resets the connection that nobody took.
void Loop::turn_away(AcceptingPort& accepting, Reason reason) {
  auto& accepted = *accepting.accepted;
  if (accepted.socket) net::reset_on_close(accepted.socket.get());
  accepted.socket.reset();
  report({accepting.port, accepted.address, accepted.peer.number, 0,
          base::Clock::now() - accepted.at, reason});
  accepting.accepted.reset();
}

/// Stops accepting at one listener, for its quota or for lack of descriptors or the like. Says the
/// latter once, and again only after nobody waited any more while half as many were held, so that
/// a server at its limit does not flood its log.
void Loop::pause(AcceptingPort& accepting, std::string_view shortage) {
  if (!accepting.paused) ++paused_;
  accepting.paused = true;
  events_.watch(accepting.port.listener.get(), reactor::Interest::none, accepting);
  if (shortage.empty()) return;
  if (paused_at_ == 0) {
    base::log_warn("accepting is paused: {} ({} connections held)", shortage, held_);
    paused_at_ = std::max<std::size_t>(held_, 1);
  }
  events_.wake_at(accept_again_, base::later(base::Clock::now(), accept_retry));
}

void Loop::resume_accepting() {
  if (draining_ || paused_ == 0) return;
  for (auto& accepting : accepting_ports_) {
    if (!accepting.paused || accepting.port.quota->full()) continue;
    accepting.paused = false;
    --paused_;
    events_.watch(accepting.port.listener.get(), reactor::Interest::read, accepting);
    if (accepting.accepted) events_.wake_next(accepting);
  }
}

void Loop::uncount(const Terms& terms) {
  --held_;
  --*terms.port.held;
  --terms.quota->held;
}

void Loop::released(const Ended& connection, const Terms& terms) {
  uncount(terms);
  report(connection);
  resume_accepting();
}

void Loop::report(const Ended& connection) {
  auto& counters = *connection.port.counters;
  ++counters.ended;
  counters.held_ns += static_cast<std::uint64_t>(connection.elapsed.count());
  obey(host_.ended(connection));
}

}  // namespace poetry::engine
