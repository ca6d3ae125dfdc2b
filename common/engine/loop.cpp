#include "engine/loop.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/seed.hpp"

namespace poetry {
namespace {

/// Between accepting so many, connections under way get their turn.
constexpr int accepts_per_turn = 64;
/// After running out of descriptors, look again so soon even if no connection of ours ends.
constexpr auto accept_retry = std::chrono::seconds(1);
/// After a service failed to refresh, try again so soon.
constexpr auto refresh_retry = std::chrono::seconds(1);

}  // namespace

/// A listener and whether it accepts.
struct Loop::Door : Waiter {
  Door(Loop& its_loop, Port& its_port) : loop(its_loop), port(its_port) {}
  void wake(Interest /*what*/) override { loop.accept(*this); }
  Loop& loop;
  Port& port;
  bool paused = false;
};

/// A service that may have news.
struct Loop::Source : Waiter {
  Source(Loop& its_loop, std::shared_ptr<Service> its_service)
      : loop(its_loop), service(std::move(its_service)) {}
  void wake(Interest /*what*/) override { loop.refresh(*this); }
  Loop& loop;
  std::shared_ptr<Service> service;
  int readable = -1;
};

/// One of the loop's own functions, when it is time.
struct Loop::Call : Waiter {
  explicit Call(std::function<void()> what) : call(std::move(what)) {}
  void wake(Interest /*what*/) override { call(); }
  std::function<void()> call;
};

Loop::Loop(Multiplexer& multiplexer, std::span<Port> ports, Host& host,
           const EngineOptions& options, News news)
    : multiplexer_(multiplexer),
      ports_(ports),
      host_(host),
      options_(options),
      news_(news),
      control_(std::make_unique<Call>([this] {
        obey(host_.control());
        find_sources();
      })),
      drain_end_(std::make_unique<Call>([this] { wanted_ = Command::stop; })),
      accept_again_(std::make_unique<Call>([this] { resume_accepting(); })) {
  for (auto& port : ports_) {
    if (port.listener) doors_.emplace_back(*this, port);
  }
}

Loop::~Loop() {
  timers_.cancel(*drain_end_);
  timers_.cancel(*accept_again_);
  for (auto& source : sources_) timers_.cancel(source);
}

void Loop::watch(int fd, Interest interest, Waiter& waiter) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= waiters_.size()) waiters_.resize(std::max(index + 1, 2 * waiters_.size()));
  multiplexer_.set(fd, interest);
  waiters_[index] = interest == Interest::none ? nullptr : &waiter;
}

void Loop::wake_at(Waiter& waiter, TimePoint at) {
  if (at == never) {
    timers_.cancel(waiter);
  } else {
    timers_.arm(waiter, at);
  }
}

void Loop::run() {
  watch(options_.control, Interest::read, *control_);
  for (auto& door : doors_) watch(door.port.listener.get(), Interest::read, door);
  find_sources();
  while (wanted_ != Command::stop && !(draining_ && held_ == 0)) {
    turn();
    if (wanted_ == Command::drain && !draining_) start_draining();
  }
  if (!draining_) start_draining();
  end_all();
  for (auto& source : sources_) {
    if (source.readable >= 0) watch(source.readable, Interest::none, source);
  }
  watch(options_.control, Interest::none, *control_);
}

void Loop::turn() {
  const auto due = timers_.next();
  const auto before = Clock::now();
  const auto timeout = due == never ? forever : std::max(due - before, Duration::zero());
  // Descriptors first: what arrived before a deadline counts, even if this turn came late.
  for (const auto& ready : multiplexer_.wait(timeout)) {
    auto* const waiter = waiters_[static_cast<std::size_t>(ready.fd)];
    if (waiter != nullptr) waiter->wake(ready.what);
  }
  const auto now = Clock::now();
  // No more than there are now, so that one which asks for another turn holds up no others.
  for (auto left = timers_.size(); left > 0; --left) {
    auto* const timer = timers_.take_due(now);
    if (timer == nullptr) break;
    static_cast<Waiter*>(timer)->wake(Interest::none);
  }
}

/// Takes effect at the end of the turn, so that no connection ends under another one's hands.
void Loop::obey(Command command) { wanted_ = std::max(wanted_, command); }

/// Accepts no more; sessions go on until they end or the time is over.
void Loop::start_draining() {
  draining_ = true;
  for (auto& door : doors_) {
    watch(door.port.listener.get(), Interest::none, door);
    door.port.listener.reset();
  }
  wake_at(*accept_again_, never);
  if (held_ == 0 || wanted_ == Command::stop) return;
  wake_at(*drain_end_, later(Clock::now(), options_.drain_timeout));
  for (const auto& service : services()) {
    service->drain();
    tell(*service);
  }
}

void Loop::accept(Door& door) {
  for (int i = 0; i < accepts_per_turn; ++i) {
    if (wanted_ != Command::go_on) return;
    if (door.port.quota->full()) {
      pause(door, {});
      return;
    }
    auto accepted = accept_from(door.port.listener.get());
    if (accepted.socket) {
      let_in(door, std::move(accepted));
    } else if (accepted.error == std::errc::operation_would_block) {
      if (held_ <= paused_at_ / 2) paused_at_ = 0;
      return;
    } else {
      pause(door, accepted.error);
      return;
    }
  }
}

void Loop::let_in(Door& door, Accepted accepted) {
  auto& port = door.port;
  const auto number = ++port.counters->accepted;
  const Peer peer{number, derive_seed(port.seed, number), port.at.port, ::getpid()};
  ++held_;
  try {
    admit({std::move(accepted.socket), accepted.peer, peer, Clock::now()}, port, Place(port.quota));
  } catch (const std::system_error& error) {
    --held_;
    if (error.code() != std::errc::resource_unavailable_try_again) {
      spdlog::error("port={} conn={}: {}", port.at.port, number, error.what());
    } else {
      pause(door, error.code());
    }
  } catch (const std::exception& error) {
    --held_;
    spdlog::error("port={} conn={}: {}", port.at.port, number, error.what());
  }
}

/// Stops accepting at one listener, for its quota or for lack of descriptors or the like. Says the
/// latter once, and again only after nobody waited any more while half as many were held, so that
/// a server at its limit does not flood its log.
void Loop::pause(Door& door, const std::error_code& error) {
  if (!door.paused) ++paused_;
  door.paused = true;
  watch(door.port.listener.get(), Interest::none, door);
  if (!error) return;
  if (paused_at_ == 0) {
    spdlog::warn("accepting is paused: {} ({} connections held)", error.message(), held_);
    paused_at_ = std::max<std::size_t>(held_, 1);
  }
  wake_at(*accept_again_, later(Clock::now(), accept_retry));
}

void Loop::resume_accepting() {
  if (draining_ || paused_ == 0) return;
  for (auto& door : doors_) {
    if (!door.paused || door.port.quota->full()) continue;
    door.paused = false;
    --paused_;
    watch(door.port.listener.get(), Interest::read, door);
  }
}

void Loop::released(const Ended& connection) {
  --held_;
  obey(host_.ended(connection));
  resume_accepting();
  if (sources_retired_) drop_unused_sources();
}

std::vector<std::shared_ptr<Service>> Loop::services() const {
  std::vector<std::shared_ptr<Service>> all;
  const auto add = [&all](const std::shared_ptr<Service>& service) {
    if (std::find(all.begin(), all.end(), service) == all.end()) all.push_back(service);
  };
  for (const auto& port : ports_) add(port.service);
  for (const auto& source : sources_) add(source.service);
  return all;
}

/// Begins to refresh services that are new here; one that asks for no more is left alone.
void Loop::find_sources() {
  if (news_ == News::elsewhere) return;
  for (const auto& port : ports_) {
    const auto is_its = [&port](const Source& source) { return source.service == port.service; };
    if (std::any_of(sources_.begin(), sources_.end(), is_its)) continue;
    refresh(sources_.emplace_back(*this, port.service));
  }
  drop_unused_sources();
}

void Loop::drop_unused_sources() {
  sources_retired_ = false;
  for (auto at = sources_.begin(); at != sources_.end();) {
    const auto serves = [&at](const Port& port) { return port.service == at->service; };
    const bool serving = std::any_of(ports_.begin(), ports_.end(), serves);
    const bool used = at->service.use_count() > 1;  // by sessions from before a reload
    if (serving || used) {
      if (!serving) sources_retired_ = true;
      ++at;
      continue;
    }
    wake_at(*at, never);
    if (at->readable >= 0) watch(at->readable, Interest::none, *at);
    at = sources_.erase(at);
  }
}

void Loop::refresh(Source& source) {
  Refresh found;
  try {
    found = source.service->refresh(Clock::now());
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    found = {later(Clock::now(), refresh_retry), false, source.readable};
  }
  if (found.readable != source.readable) {
    if (source.readable >= 0) watch(source.readable, Interest::none, source);
    if (found.readable >= 0) watch(found.readable, Interest::read, source);
    source.readable = found.readable;
  }
  wake_at(source, found.again);
  if (found.news) tell(*source.service);
}

}  // namespace poetry
