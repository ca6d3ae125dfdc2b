// The loop's other half: the services that are served, and which of them may have news.

#include <algorithm>

#include "base/log.hpp"
#include "engine/loop.hpp"
#include "reactor/timeout.hpp"

namespace poetry::engine {
namespace {

/// More than what a service does takes, unless a disk or another process is in its way.
constexpr auto settle_time = std::chrono::milliseconds(500);
/// After a service failed to refresh, try again so soon.
constexpr auto refresh_retry = std::chrono::seconds(1);

}  // namespace

void settle(session::Service& service) {
  const auto end = base::later(base::Clock::now(), settle_time);
  try {
    for (auto now = base::Clock::now(); now < end; now = base::Clock::now()) {
      const auto found = service.refresh(now);
      if (!found.busy) return;
      pollfd readable{found.readable, POLLIN, 0};
      reactor::poll_until({&readable, 1}, end, now);
    }
  } catch (const std::exception& error) {
    base::log_error("{}", error.what());
  }
}

session::Refresh refreshed(session::Service& service) {
  try {
    return service.refresh(base::Clock::now());
  } catch (const std::exception& error) {
    base::log_error("{}", error.what());
    return {.again = base::later(base::Clock::now(), refresh_retry)};
  }
}

/// Begins to refresh services that are new here; one that asks for no more is left alone.
void Loop::find_sources() {
  const auto is_at = [](const Port& port, const session::Service* service) {
    return port.service.get() == service;
  };
  if (std::equal(ports_.begin(), ports_.end(), served_.begin(), served_.end(), is_at)) return;
  served_.clear();
  for (auto& source : sources_) source.retired = true;
  for (const auto& port : ports_) {
    served_.push_back(port.service.get());
    const auto is_its = [&port](const Source& source) { return source.service == port.service; };
    const auto at = std::find_if(sources_.begin(), sources_.end(), is_its);
    auto& source = at != sources_.end() ? *at : sources_.emplace_back(*this, port.service);
    source.retired = false;
    if (at == sources_.end() && news_ == News::here) refresh(source);
  }
  drop_unused_sources();
}

/// A service from before a reload is refreshed as long as sessions have it.
void Loop::drop_unused_sources() {
  sources_retired_ = false;
  for (auto at = sources_.begin(); at != sources_.end();) {
    if (!at->retired || at->service.use_count() > 1) {
      sources_retired_ = sources_retired_ || at->retired;
      ++at;
      continue;
    }
    if (at->readable >= 0) events_.watch(at->readable, reactor::Interest::none, *at);
    at = sources_.erase(at);
  }
}

void Loop::forget_sources() {
  for (auto& source : sources_) {
    if (news_ == News::here) settle(*source.service);
    if (source.readable >= 0) events_.watch(source.readable, reactor::Interest::none, source);
  }
  sources_.clear();
}

void Loop::refresh(Source& source) {
  const auto found = refreshed(*source.service);
  if (found.readable != source.readable) {
    if (source.readable >= 0) events_.watch(source.readable, reactor::Interest::none, source);
    if (found.readable >= 0) events_.watch(found.readable, reactor::Interest::read, source);
    source.readable = found.readable;
  }
  events_.wake_at(source, found.again);
  if (found.news) tell(*source.service);
}

void Loop::drain_services() {
  for (auto& source : sources_) {
    try {
      if (news_ == News::here) source.service->drain();
    } catch (const std::exception& error) {
      base::log_error("{}", error.what());
    }
    tell(*source.service);
  }
}

}  // namespace poetry::engine
