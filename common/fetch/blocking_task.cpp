#include "fetch/blocking_task.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "net/socket.hpp"
#include "reactor/timeout.hpp"

namespace poetry::fetch {
namespace {

// Who waits for two things, each by a call that blocks, waits for each so long in turn: for several
// addresses to answer; to send, and for an answer that comes before all is sent.
constexpr base::Duration turn = std::chrono::milliseconds(10);

}  // namespace

void Stop::set() {
  set_ = true;
  ::eventfd_write(bell_.get(), 1);
  const std::lock_guard lock(mutex_);
  for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
}

void Stop::add(int socket) {
  const std::lock_guard lock(mutex_);
  sockets_.insert(socket);
}

void Stop::close(base::Fd& socket) {
  if (!socket) return;
  const std::lock_guard lock(mutex_);
  sockets_.erase(socket.get());
  socket.reset();
}

BlockingTask::BlockingTask(const Batch& batch, std::size_t task, Observer& observer,
                           SocketIo& socket_io, std::shared_ptr<Resolver::Lookups> lookups,
                           Stop& stop)
    : batch_(batch),
      observer_(observer),
      socket_io_(socket_io),
      lookups_(std::move(lookups)),
      stop_(stop),
      fetch_(begin_fetch(batch, task, base::Clock::now())) {}

std::error_code BlockingTask::run(IfShort if_short) {
  if_short_ = if_short;
  shortage_.clear();
  while (!fetch_.over() && !shortage_) {
    std::visit([&](const auto& each) { act(each); }, fetch_.next());
    const bool waits = std::holds_alternative<Wait>(fetch_.next());  // the observer is told first
    if (!waits && !fetch_.over() && stop_.is_set()) fetch_.interrupt(base::Clock::now());
    fetch_.expired(looked_at_);
  }
  close_all();
  return shortage_;
}

void BlockingTask::close_all() {
  for (auto& socket : sockets_) stop_.close(socket);
  sockets_.clear();
  limited_ = -1;
}

/// Waits until then, or until that descriptor is readable. False once the task is to stop.
bool BlockingTask::pause(base::TimePoint until, int readable) {
  std::array<pollfd, 2> polled{{{stop_.fd(), POLLIN, 0}, {readable, POLLIN, 0}}};
  looked_at_ = base::Clock::now();
  const int ready = reactor::poll_until(polled, until, looked_at_);
  if (ready < 0) reactor::take_failed_wait("descriptors");
  if (ready == 0) looked_at_ = base::Clock::now();
  ++wakeups_;
  return !stop_.is_set();
}

/// From now on, calls on the socket block until then. One that returns too early is made again, so
/// that a deadline which moves a little with each line takes no further system call.
void BlockingTask::limit_blocking(int socket, base::TimePoint until) {
  constexpr base::Duration late = std::chrono::milliseconds(1);
  looked_at_ = base::Clock::now();
  const auto left = reactor::time_left(until, looked_at_);
  const bool suits = limit_ == left || (limit_ - late <= left && limit_ >= left / 2);
  if (std::exchange(limited_, socket) == socket && suits) return;
  limit_ = left;
  net::limit_blocking(socket, left);
}

void BlockingTask::act(const Resolve&) {
  if (resolve_numeric(fetch_, batch_)) return;
  try {
    Resolver resolver(lookups_);
    const auto begun = [this] { fetch_.lookup_begun(base::Clock::now()); };
    const auto answered = [this](const auto& found) { fetch_.resolved(found, base::Clock::now()); };
    resolver.ask(fetch_.where(), batch_.family, {begun, answered});
    while (std::holds_alternative<Resolve>(fetch_.next()) &&
           pause(fetch_.deadline(), resolver.fd()) && looked_at_ < fetch_.deadline()) {
      resolver.deliver();
    }
  } catch (const std::system_error& error) {
    if (!stops_for(error.code())) fetch_.resolved({{}, error.code()}, base::Clock::now());
  }
}

void BlockingTask::act(const Connect& action) {
  for (std::size_t index = 0; index < action.over; ++index) stop_.close(sockets_[index]);
  if (sockets_.size() < action.addresses.size()) open(action.addresses[sockets_.size()]);
  // The latest first, since it is about to begin.
  for (auto index = sockets_.size(); index-- > 0;) {
    if (!std::holds_alternative<Connect>(fetch_.next()) || shortage_ || stop_.is_set()) return;
    if (sockets_[index]) connect(index, action);
  }
}

void BlockingTask::open(const net::Address& address) {
  sockets_.push_back(net::open_socket(address.family(), net::Blocking::yes));
  const std::error_code error(errno, std::generic_category());
  limited_ = -1;  // its number may be that of one which is closed
  if (sockets_.back()) return stop_.add(sockets_.back().get());
  if (!stops_for(error)) end_candidate(sockets_.size() - 1, error);
}

/// A call for a socket whose connecting is under way waits for that to end.
void BlockingTask::connect(std::size_t index, const Connect& action) {
  const bool alone = std::ranges::count_if(sockets_, &base::Fd::operator bool) == 1;
  const auto turn_over = base::later(base::Clock::now(), turn);
  limit_blocking(sockets_[index].get(), alone ? action.until : std::min(action.until, turn_over));
  const auto result = net::start_connect(sockets_[index].get(), action.addresses[index]);
  ++wakeups_;
  if (result.status == net::IoStatus::would_block) {
    looked_at_ = base::Clock::now();
  } else if (!stop_.is_set() && !stops_for(result.error)) {
    end_candidate(index, result.error);
  }
}

void BlockingTask::end_candidate(std::size_t index, std::error_code error) {
  const auto candidate = fetch_.connect_ended(index, error, base::Clock::now());
  if (candidate == Candidate::failed) return stop_.close(sockets_[index]);
  std::swap(sockets_.front(), sockets_[index]);
  for (auto& socket : std::span(sockets_).subspan(1)) stop_.close(socket);
}

bool BlockingTask::stops_for(std::error_code error) {
  if (if_short_ == IfShort::stop && fetch_.may_begin_anew(error)) shortage_ = error;
  return static_cast<bool>(shortage_);
}

void BlockingTask::act(const Transfer& action) {
  const bool sends = !action.unsent.empty();
  if (!sends && action.max == 0) return static_cast<void>(pause(action.until));
  const auto limit = [&] {
    const auto turn_over = base::later(base::Clock::now(), turn);
    limit_blocking(sockets_.front().get(),
                   sends ? std::min(action.until, turn_over) : action.until);
  };
  limit();
  if (sends) {
    const auto sent_before = fetch_.record().sent;
    SocketIo::send(fetch_, sockets_.front().get());
    ++wakeups_;
    if (fetch_.record().sent - sent_before == action.unsent.size()) return;
    limit();  // to send may have taken what was left
  }
  if (action.max > 0 && !stop_.is_set()) receive(action.max);
}

void BlockingTask::receive(std::uint64_t max) {
  const auto buffer = socket_io_.buffer(max);
  const auto result = net::receive_some(sockets_.front().get(), buffer);
  const auto now = base::Clock::now();
  ++wakeups_;
  if (result.status == net::IoStatus::would_block) {
    looked_at_ = now;
  } else if (!stop_.is_set()) {  // else the end may be that of the shut down socket
    SocketIo::deliver(fetch_, observer_, {buffer.data(), result.bytes}, result.error, now);
  }
}

void BlockingTask::act(const HalfClose&) {
  net::half_close(sockets_.front().get());
  fetch_.half_closed(base::Clock::now());
}

void BlockingTask::act(const Wait& action) {
  close_all();
  if (!action.for_turn) observer_.retrying(fetch_.task(), fetch_.record(), action.delay);
  while (pause(action.until) && looked_at_ < action.until) continue;
  if (stop_.is_set()) fetch_.interrupt(base::Clock::now());
}

}  // namespace poetry::fetch
