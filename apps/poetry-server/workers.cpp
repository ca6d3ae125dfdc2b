#include "workers.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/shared_memory.hpp"
#include "cli/main.hpp"

namespace poetry::server {
namespace {

/// Who was told to stop, or whose time to drain is over, and still runs so long after is killed.
/// The fork engine needs some of it to kill processes of its own.
constexpr auto patience = std::chrono::seconds(10);

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? "by signal " + std::to_string(WTERMSIG(status))
                             : "early, with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Workers::Workers(Serving& serving)
    : serving_(serving), bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!bell_) base::throw_errno("make", "an eventfd");
  // Started with it ignored, the kernel would keep no status of the dead, and send no signal.
  std::signal(SIGCHLD, SIG_DFL);
  const auto news = base::make_shared_memory<WorkerNews>(serving.workers());
  places_.resize(serving.workers());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    places_[i].number = i + 1;
    places_[i].news = news[i];
    places_[i].quotas = serving.ports().make_quotas();
  }
}

Workers::~Workers() {
  for (auto& place : places_) {
    if (place.pid < 0) continue;
    ::kill(place.pid, SIGKILL);
    while (::waitpid(place.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  }
}

void Workers::start() {
  for (auto& place : places_) fill(place);
}

/// Raises std::system_error, and then nobody is there.
void Workers::fill(Place& place) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) base::throw_errno("make", "a pipe");
  base::Fd orders(ends[0]);
  place.orders = base::Fd(ends[1]);
  place.started = base::Clock::now();
  place.due = base::never;
  place.news->reloads = reloads_;  // it begins with what was read last
  place.news->refusals = 0;
  place.pid = ::fork();
  if (place.pid == 0) be_worker(place, std::move(orders));
  if (place.pid < 0) {
    const int error = errno;
    place.orders.reset();
    throw std::system_error(error, std::generic_category(),
                            "start worker " + std::to_string(place.number));
  }
  base::log_info("worker={} pid={} started", place.number, place.pid);
}

/// Nothing of the parent's is destroyed here, nor are its buffers flushed a second time.
void Workers::be_worker(const Place& place, base::Fd orders) {
  for (auto& each : places_) each.orders.reset();
  serving_.ports().become(place.number - 1, place.quotas);
  int status = cli::exit_ok;
  try {
    Worker(serving_, *place.news, orders.get(), bell_.get()).run();
  } catch (const std::exception& error) {
    base::log_error("worker={} pid={}: {}", place.number, ::getpid(), error.what());
    status = cli::exit_failure;
  }
  ::_exit(status);
}

void Workers::tell(Order order) {
  for (const auto& place : places_) {
    if (place.pid >= 0) send(place, order);
  }
}

/// Fails for a worker that is dead, which is found out elsewhere. A pipe holds far more orders than
/// are given before they are obeyed.
void Workers::send(const Place& place, Order order) {
  [[maybe_unused]] const auto sent = ::write(place.orders.get(), &order, sizeof order);
}

void Workers::reload() {
  ++reloads_;
  tell(Order::reload);
}

void Workers::drain() {
  if (ending_ != Ending::no) return;
  const auto& options = serving_.options();
  end(Ending::draining, Order::drain, base::later(base::Clock::now(), options.drain_timeout));
}

void Workers::stop() {
  if (ending_ != Ending::stopping) end(Ending::stopping, Order::stop, base::Clock::now());
}

void Workers::end(Ending ending, Order order, base::TimePoint until) {
  ending_ = ending;
  kill_at_ = base::later(until, patience);
  for (auto& place : places_) place.due = base::never;
  serving_.ports().close_listeners();
  tell(order);
}

void Workers::look() {
  eventfd_t rings = 0;
  ::eventfd_read(bell_.get(), &rings);
  if (serving_.is_enough()) drain();
  for (auto& place : places_) {
    int status = 0;
    if (place.pid >= 0 && ::waitpid(place.pid, &status, WNOHANG) == place.pid) bury(place, status);
  }
  for (auto& place : places_) {
    if (place.due > base::Clock::now()) continue;
    try {
      fill(place);
      send(place, Order::serve);
      ++serving_.totals().replaced;
    } catch (const std::exception& error) {
      base::log_error("{}", error.what());
      replace(place, base::Duration{0});
    }
  }
  look_at_reload();
  if (kill_at_ > base::Clock::now()) return;
  kill_at_ = base::never;
  for (const auto& place : places_) {
    if (place.pid < 0) continue;
    base::log_error("worker={} pid={} does not end: killed", place.number, place.pid);
    ::kill(place.pid, SIGKILL);
  }
}

/// Its connections have ended with it, and count as that.
void Workers::bury(Place& place, int status) {
  std::uint64_t lost = 0;
  for (const auto& quota : place.quotas) lost += std::exchange(quota->held, 0);
  serving_.totals().ended += lost;
  const auto pid = std::exchange(place.pid, -1);
  place.orders.reset();
  if (ending_ != Ending::no && status == 0) return;
  base::log_error("worker={} pid={} ended {}; connections lost: {}", place.number, pid,
                  how_it_ended(status), lost);
  if (serving_.is_enough()) drain();
  if (ending_ == Ending::no) replace(place, base::Clock::now() - place.started);
}

void Workers::replace(Place& place, base::Duration lived) {
  if (const auto pause = place.policy.ended(lived)) {
    place.due = base::later(base::Clock::now(), *pause);
    if (*pause != base::Duration{0}) {
      base::log_warn("worker={} is replaced in {:.1f} s", place.number, base::seconds(*pause));
    }
    return;
  }
  base::log_error("worker={} died {} times in a row within {} of its start: giving up",
                  place.number, RestartPolicy::most_short_lives,
                  base::format_duration(RestartPolicy::sound_life));
  failed_ = true;
  drain();
}

void Workers::look_at_reload() {
  if (!reloading()) return;
  bool refused = false;
  for (const auto& place : places_) {
    if (place.pid >= 0 && place.news->reloads < reloads_) return;
    refused = refused || place.news->refusals > 0;
  }
  reloads_logged_ = reloads_;
  if (!refused) base::log_info("read poems and configuration again");
}

base::TimePoint Workers::due() const {
  auto at = kill_at_;
  for (const auto& place : places_) at = std::min(at, place.due);
  return at;
}

bool Workers::gone() const {
  return ending_ != Ending::no && std::all_of(places_.begin(), places_.end(),
                                              [](const Place& place) { return place.pid < 0; });
}

}  // namespace poetry::server
