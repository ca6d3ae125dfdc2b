#include "fetch/blocking_task.hpp"

#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "net/socket.hpp"
#include "reactor/timeout.hpp"

namespace poetry::fetch {

BlockingTask::BlockingTask(const Batch& batch, std::size_t task, Observer& observer,
                           SocketIo& socket_io, std::shared_ptr<Resolver::Lookups> lookups,
                           int stop)
    : batch_(batch),
      observer_(observer),
      socket_io_(socket_io),
      lookups_(std::move(lookups)),
      fetch_(begin_fetch(batch, task, base::Clock::now())),
      polled_{{stop, POLLIN, 0}} {}

std::error_code BlockingTask::run(IfShort if_short) {
  if_short_ = if_short;
  shortage_.clear();
  sockets_.clear();
  while (!fetch_.over()) {
    std::visit([&](const auto& each) { act(each); }, fetch_.next());
    if (shortage_) return shortage_;
    fetch_.expired(polled_at_);  // what was ready by then has been taken
  }
  sockets_.clear();
  return {};
}

// Waits for the descriptors behind the first. False where the task is interrupted instead.
bool BlockingTask::wait(base::TimePoint until) {
  polled_at_ = base::Clock::now();
  const int ready = reactor::poll_until(polled_, until, polled_at_);
  if (ready < 0) {
    if (errno != EINTR) base::throw_errno("wait for", "descriptors");
    for (auto& each : polled_) each.revents = 0;
  }
  if (ready == 0) polled_at_ = base::Clock::now();
  ++wakeups_;
  if (polled_.front().revents == 0) return true;
  fetch_.interrupt(base::Clock::now());
  return false;
}

void BlockingTask::act(const Resolve&) {
  if (resolve_numeric(fetch_, batch_)) return;
  try {
    Resolver resolver(lookups_);
    const auto begun = [this] { fetch_.lookup_begun(base::Clock::now()); };
    const auto answered = [this](const auto& found) { fetch_.resolved(found, base::Clock::now()); };
    resolver.ask(fetch_.where(), batch_.family, {begun, answered});
    polled_.resize(1);
    polled_.push_back({resolver.fd(), POLLIN, 0});
    while (std::holds_alternative<Resolve>(fetch_.next()) && wait(fetch_.deadline()) &&
           polled_at_ < fetch_.deadline()) {
      resolver.deliver();
    }
  } catch (const std::system_error& error) {
    if (!stops_for(error.code())) fetch_.resolved({{}, error.code()}, base::Clock::now());
  }
}

void BlockingTask::act(const Connect& action) {
  for (std::size_t index = 0; index < action.over; ++index) sockets_[index].reset();
  const std::size_t tried = sockets_.size();
  if (tried < action.addresses.size()) return try_address(action.addresses[tried]);
  polled_.resize(1);
  for (const base::Fd& socket : sockets_) polled_.push_back({socket.get(), POLLOUT, 0});
  if (!wait(action.until)) return;
  for (std::size_t index = 0; index < sockets_.size(); ++index) {
    if (polled_[index + 1].revents == 0) continue;
    end_candidate(index, net::connect_outcome(sockets_[index].get()));
  }
}

void BlockingTask::try_address(const net::Address& address) {
  // The sockets block, so that a trace shows what such a program does; but connect(2) and send(2)
  // for no longer than this. The wait for more is ppoll(2)'s, which a signal or a deadline ends in
  // time.
  constexpr base::Duration longest_block = std::chrono::milliseconds(1);
  base::Fd socket = net::open_socket(address.family(), net::Blocking::yes);
  std::error_code error{socket ? 0 : errno, std::generic_category()};
  if (socket) net::limit_blocking(socket.get(), longest_block);
  sockets_.push_back(std::move(socket));
  if (!error) {
    const net::IoResult started = net::start_connect(sockets_.back().get(), address);
    if (started.status == net::IoStatus::would_block) return;
    error = started.error;
  }
  if (!stops_for(error)) end_candidate(sockets_.size() - 1, error);
}

void BlockingTask::end_candidate(std::size_t index, std::error_code error) {
  const auto candidate = fetch_.connect_ended(index, error, base::Clock::now());
  if (candidate == Candidate::failed) return sockets_[index].reset();
  std::swap(sockets_.front(), sockets_[index]);
  sockets_.resize(1);
}

bool BlockingTask::stops_for(std::error_code error) {
  if (if_short_ == IfShort::stop && fetch_.may_begin_anew(error)) shortage_ = error;
  return static_cast<bool>(shortage_);
}

void BlockingTask::act(const Transfer& action) {
  const int events = (action.max > 0 ? POLLIN : 0) | (action.unsent.empty() ? 0 : POLLOUT);
  polled_.resize(1);
  if (events != 0) polled_.push_back({sockets_.front().get(), static_cast<short>(events), 0});
  if (!wait(action.until) || events == 0) return;
  // An error or hang-up is found by the call that was waited for.
  const int found = polled_[1].revents;
  const int ready = (found & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? events : found;
  const base::TimePoint now = base::Clock::now();
  if ((ready & POLLOUT) != 0) SocketIo::send(fetch_, sockets_.front().get(), now);
  if ((ready & POLLIN) != 0) socket_io_.receive_once(fetch_, sockets_.front().get(), now);
}

void BlockingTask::act(const HalfClose&) {
  net::half_close(sockets_.front().get());
  fetch_.half_closed(base::Clock::now());
}

void BlockingTask::act(const Wait& action) {
  sockets_.clear();
  if (!action.for_turn) observer_.retrying(fetch_.task(), fetch_.record(), action.delay);
  polled_.resize(1);
  while (wait(action.until) && polled_at_ < action.until) {
  }
}

}  // namespace poetry::fetch
