#include "workers.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/shared_memory.hpp"
#include "cli/main.hpp"
#include "engine/engine.hpp"
#include "net/child.hpp"
#include "net/socket.hpp"

namespace poetry::server {
namespace {

/// Who was told to stop, or whose time to drain is over, and has ended no connection for so long is
/// killed. The fork engine needs some of it to kill processes of its own.
constexpr auto patience = std::chrono::seconds(10);
/// A worker that has not answered for so long stands still, or has very much to say.
constexpr auto answer_time = std::chrono::seconds(5);
/// Orders that wait for a worker that stands still, beside some hundred in its socket.
constexpr std::size_t max_unsent = 1000;
constexpr auto order_retry = std::chrono::milliseconds(10);

std::string contents(int file) {
  std::string text(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
  const auto count = ::pread(file, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return text;
}

}  // namespace

Workers::Workers(Serving& serving, std::function<void()> forked)
    : serving_(serving), forked_(std::move(forked)), wakeup_(base::make_eventfd()) {
  // Started with it ignored, the kernel would keep no status of the dead, and send no signal.
  std::signal(SIGCHLD, SIG_DFL);
  const auto news = base::make_shared_memory<WorkerNews>(serving.workers());
  slots_.resize(serving.workers());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].number = i + 1;
    slots_[i].news = news[i];
    slots_[i].holding = serving.ports().make_holding();
    slots_[i].answers = base::opened(::memfd_create("answers", MFD_CLOEXEC), "make", "a memfd");
  }
}

Workers::~Workers() {
  for (auto& slot : slots_) {
    if (slot.pid <= 0) continue;
    ::kill(slot.pid, SIGKILL);
    net::wait_for_process(slot.pid);
  }
}

void Workers::start() {
  for (auto& slot : slots_) fill(slot);
}

/// Raises std::system_error, and then nobody is there.
void Workers::fill(WorkerSlot& slot) {
  auto [orders, ours] = net::make_socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
  slot.orders = std::move(ours);
  slot.started = base::Clock::now();
  slot.due = base::never;
  slot.news->reloads = reloads_;  // it begins with what was read last
  slot.news->refusals = 0;
  slot.news->answers = asked_;
  slot.pid = ::fork();
  if (slot.pid == 0) be_worker(slot, std::move(orders));
  if (slot.pid < 0) {
    const int error = errno;
    slot.orders.reset();
    engine::throw_no_process(error, "start worker " + std::to_string(slot.number));
  }
  base::log_info("worker={} pid={} started", slot.number, slot.pid);
}

/// Nothing of the parent's is destroyed here, nor are its buffers flushed a second time.
void Workers::be_worker(const WorkerSlot& slot, base::Fd orders) noexcept {
  for (auto& each : slots_) each.orders.reset();
  int status = cli::exit_ok;
  try {
    forked_();
    serving_.ports().become(slot.number - 1, slot.holding);
    Worker(serving_, *slot.news, orders.get(), wakeup_.get(), slot.answers.get()).run();
  } catch (const std::exception& error) {
    base::log_error("worker={} pid={}: {}", slot.number, ::getpid(), error.what());
    status = cli::exit_failure;
  }
  base::flush_log();
  ::_exit(status);
}

void Workers::tell(Order order, std::string_view text) {
  for (auto& slot : slots_)
    if (slot.pid >= 0) send(slot, order, text);
}

void Workers::send(WorkerSlot& slot, Order order, std::string_view text) {
  if (slot.unsent.size() >= max_unsent) {
    base::log_error("worker={} pid={} takes no orders: killed", slot.number, slot.pid);
    ::kill(slot.pid, SIGKILL);
  }
  slot.unsent.push_back(std::string(1, static_cast<char>(order)).append(text));
  send_orders(slot);
}

/// A worker that is dead is found out elsewhere. What finds no room, or no memory, is given again.
void Workers::send_orders(WorkerSlot& slot) {
  while (!slot.unsent.empty()) {
    const auto sent = net::send_some(slot.orders.get(), slot.unsent.front());
    if (sent.status != net::IoStatus::ok && sent.error != std::errc::broken_pipe) return;
    slot.unsent.pop_front();
  }
}

void Workers::ask(std::string_view line) {
  ++asked_;
  answered_at_ = base::later(base::Clock::now(), answer_time);
  tell(Order::control, line);
}

bool Workers::answered() const {
  return base::Clock::now() >= answered_at_ ||
         std::ranges::all_of(slots_, [this](const WorkerSlot& slot) {
           return slot.pid < 0 || slot.news->answers >= asked_;
         });
}

std::vector<std::string> Workers::answers() const {
  std::vector<std::string> texts;
  for (const auto& slot : slots_) {
    if (slot.pid < 0) continue;
    texts.push_back(slot.news->answers >= asked_
                        ? contents(slot.answers.get())
                        : "error: worker " + std::to_string(slot.number) + " does not answer");
  }
  return texts;
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
  for (auto& slot : slots_) {
    slot.due = base::never;
    slot.left = slot.holding.connections();
  }
  serving_.ports().close_listeners();
  tell(order);
}

void Workers::look() {
  eventfd_t rings = 0;
  ::eventfd_read(wakeup_.get(), &rings);
  if (serving_.is_enough()) drain();
  for (auto& slot : slots_) {
    int status = 0;
    if (slot.pid >= 0 && ::waitpid(slot.pid, &status, WNOHANG) == slot.pid) destroy(slot, status);
    send_orders(slot);
  }
  for (auto& slot : slots_) {
    if (slot.due > base::Clock::now()) continue;
    try {
      fill(slot);
      send(slot, Order::serve);
      ++serving_.totals().replaced;
    } catch (const std::exception& error) {
      base::log_error("{}", error.what());
      replace(slot, base::Duration{0});
    }
  }
  look_at_reload();
  if (kill_at_ > base::Clock::now()) return;
  kill_at_ = base::never;
  for (auto& slot : slots_) {
    if (slot.pid < 0) continue;
    const auto left = slot.holding.connections();
    if (left < std::exchange(slot.left, left)) {
      kill_at_ = base::later(base::Clock::now(), patience);
      continue;
    }
    base::log_error("worker={} pid={} does not end: killed", slot.number, slot.pid);
    ::kill(slot.pid, SIGKILL);
  }
}

/// Its connections have ended with it, and count as that.
void Workers::destroy(WorkerSlot& slot, int status) {
  const auto lost = serving_.ports().lose(slot.holding);
  serving_.totals().ended += lost;
  const auto pid = std::exchange(slot.pid, -1);
  slot.orders.reset();
  slot.unsent.clear();
  if (ending_ != Ending::no && status == 0) return;
  base::log_error("worker={} pid={} ended {}; connections lost: {}", slot.number, pid,
                  net::how_it_ended(status), lost);
  if (serving_.is_enough()) drain();
  if (ending_ == Ending::no) replace(slot, base::Clock::now() - slot.started);
}

void Workers::replace(WorkerSlot& slot, base::Duration lived) {
  if (const auto pause = slot.policy.ended(lived)) {
    slot.due = base::later(base::Clock::now(), *pause);
    if (*pause != base::Duration{0})
      base::log_warn("worker={} is replaced in {:.1f} s", slot.number, base::seconds(*pause));
    return;
  }
  base::log_error("worker={} died {} times in a row within {} of its start: giving up", slot.number,
                  RestartPolicy::max_short_lives, base::format_duration(RestartPolicy::sound_life));
  failed_ = true;
  drain();
}

void Workers::look_at_reload() {
  if (!reloading()) return;
  bool refused = false;
  for (const auto& slot : slots_) {
    if (slot.pid >= 0 && slot.news->reloads < reloads_) return;
    refused = refused || slot.news->refusals > 0;
  }
  reloads_logged_ = reloads_;
  if (!refused) base::log_info("read poems and configuration again");
}

base::TimePoint Workers::due() const {
  auto at = answered() ? kill_at_ : std::min(kill_at_, answered_at_);
  for (const auto& slot : slots_) {
    at = std::min(at, slot.due);
    if (!slot.unsent.empty()) at = std::min(at, base::later(base::Clock::now(), order_retry));
  }
  return at;
}

bool Workers::gone() const {
  if (ending_ == Ending::no) return false;
  return std::ranges::all_of(slots_, [](const WorkerSlot& slot) { return slot.pid < 0; });
}

}  // namespace poetry::server
