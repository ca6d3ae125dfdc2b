#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "fetch/resolver.hpp"
#include "fetch/strategies.hpp"
#include "net/socket.hpp"

namespace poetry {
namespace {

// No call blocks for longer, so that a signal is noticed soon.
constexpr Duration longest_block = std::chrono::milliseconds(250);
constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
// Of what is left to send: little enough for send(2) not to block where poll(2) sees room.
constexpr std::size_t most_sent = std::size_t{16} << 10;

/// Runs the tasks of one batch, one after another.
class Sequence {
 public:
  Sequence(const Batch& batch, Observer& observer, Signals& signals)
      : batch_(batch), observer_(observer), signals_(signals), buffer_(buffer_bytes) {}

  Result run();

 private:
  void run_task(std::size_t task);
  void act(Fetch& fetch, const Resolve& action);
  void act(Fetch& fetch, const Connect& action);
  void act(Fetch& fetch, const Transfer& action);
  void act(Fetch& fetch, const HalfClose&);
  void act(Fetch& fetch, const Wait& action);
  void act(Fetch&, const Done&) {}
  void send(Fetch& fetch, std::string_view unsent);
  void receive(Fetch& fetch, std::uint64_t most);
  int wait_for(int fd, short events, TimePoint until);
  void bound(TimePoint until);
  void look_for_signal(Fetch& fetch);

  const Batch& batch_;
  Observer& observer_;
  Signals& signals_;
  std::vector<char> buffer_;
  Resolver resolver_;
  Result result_;
  std::size_t task_ = 0;
  Fd socket_;
  Duration bound_{};  // of the socket's blocking calls
  bool interrupted_ = false;
};

Result Sequence::run() {
  result_.records.resize(batch_.servers.size());
  for (task_ = 0; task_ < batch_.servers.size(); ++task_) {
    if (!interrupted_) {
      run_task(task_);
      continue;
    }
    Record& record = result_.records[task_];
    record.outcome = Outcome::interrupted;
    record.error = to_string(batch_.servers[task_]) + ": interrupted";
    observer_.ended(task_, record);
  }
  return std::move(result_);
}

void Sequence::run_task(std::size_t task) {
  Fetch fetch(batch_.servers[task], batch_.fetch, Clock::now());
  for (Action action = fetch.next(); !std::holds_alternative<Done>(action); action = fetch.next()) {
    std::visit([&](const auto& each) { act(fetch, each); }, action);
    look_for_signal(fetch);
    fetch.expired(Clock::now());
  }
  socket_.reset();
  result_.records[task] = std::move(fetch.record());
  observer_.ended(task, result_.records[task]);
}

void Sequence::look_for_signal(Fetch& fetch) {
  if (!signals_.take()) return;
  interrupted_ = true;
  if (!std::holds_alternative<Done>(fetch.next())) fetch.interrupt(Clock::now());
}

// Waits for the descriptor or a signal; poll(2)'s result for the descriptor.
int Sequence::wait_for(int fd, short events, TimePoint until) {
  std::array<pollfd, 2> polled{pollfd{signals_.fd(), POLLIN, 0}, pollfd{fd, events, 0}};
  int timeout = -1;
  if (until != never) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  ::poll(polled.data(), polled.size(), timeout);
  ++result_.wakeups;
  return polled[1].revents;
}

void Sequence::bound(TimePoint until) {
  Duration longest = longest_block;
  if (until != never) {
    longest = std::clamp<Duration>(until - Clock::now(), std::chrono::microseconds(1), longest);
  }
  if (longest == bound_) return;
  bound_ = longest;
  limit_blocking(socket_.get(), longest);
}

void Sequence::act(Fetch& fetch, const Resolve& action) {
  socket_.reset();
  const auto numeric = resolve_numeric(fetch.where(), batch_.family);
  if (!numeric.addresses.empty()) {
    fetch.resolved(numeric, Clock::now());
    return;
  }
  const std::uint64_t ticket = resolver_.ask(fetch.where(), batch_.family);
  for (;;) {
    wait_for(resolver_.fd(), POLLIN, action.until);
    while (auto answer = resolver_.take()) {
      if (answer->ticket != ticket) continue;
      fetch.resolved(answer->found, Clock::now());
      return;
    }
    look_for_signal(fetch);
    if (interrupted_ || Clock::now() >= action.until) return;
  }
}

void Sequence::act(Fetch& fetch, const Connect& action) {
  socket_.reset();  // before the next one: there are never two
  socket_ = open_socket(action.address.family(), Blocking::yes);
  if (!socket_) {
    fetch.connect_failed({errno, std::generic_category()}, Clock::now());
    return;
  }
  bound_ = {};
  bound(action.until);
  const IoResult started = start_connect(socket_.get(), action.address);
  ++result_.wakeups;
  std::error_code error = started.error;
  if (started.status == IoStatus::would_block) {
    while (wait_for(socket_.get(), POLLOUT, action.until) == 0) {
      look_for_signal(fetch);
      if (interrupted_ || Clock::now() >= action.until) return;
    }
    error = connect_outcome(socket_.get());
  }
  if (error) {
    socket_.reset();
    fetch.connect_failed(error, Clock::now());
  } else {
    fetch.connected(Clock::now());
  }
}

void Sequence::act(Fetch& fetch, const Transfer& action) {
  if (action.unsent.empty()) {
    bound(action.until);
    receive(fetch, action.most);
    return;
  }
  // While there is text to send, the server may have to be read for it to go on.
  const int events = wait_for(socket_.get(), POLLIN | POLLOUT, action.until);
  bound(action.until);
  if ((events & POLLOUT) != 0) send(fetch, action.unsent);
  if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receive(fetch, action.most);
}

void Sequence::send(Fetch& fetch, std::string_view unsent) {
  const IoResult result = send_some(socket_.get(), unsent.substr(0, most_sent));
  ++result_.wakeups;
  if (result.status == IoStatus::ok) fetch.sent(result.bytes, Clock::now());
  if (result.status == IoStatus::error) fetch.send_failed(result.error, Clock::now());
}

void Sequence::receive(Fetch& fetch, std::uint64_t most) {
  const auto room = std::min<std::uint64_t>(most, buffer_.size());
  const IoResult result = receive_some(socket_.get(), {buffer_.data(), room});
  ++result_.wakeups;
  const TimePoint now = Clock::now();
  if (result.status == IoStatus::end) fetch.stream_ended(now);
  if (result.status == IoStatus::error) fetch.receive_failed(result.error, now);
  if (result.status != IoStatus::ok) return;
  const auto bytes = fetch.received({buffer_.data(), result.bytes}, now);
  if (bytes.empty()) return;
  const auto failure = observer_.received(task_, fetch.record(), bytes);
  if (!failure.empty()) fetch.output_failed(failure, Clock::now());
}

void Sequence::act(Fetch& fetch, const HalfClose&) {
  half_close(socket_.get());
  fetch.half_closed(Clock::now());
}

void Sequence::act(Fetch& fetch, const Wait& action) {
  socket_.reset();
  observer_.retrying(task_, fetch.record(), action.delay);
  while (!interrupted_ && Clock::now() < action.until) {
    wait_for(-1, 0, action.until);
    look_for_signal(fetch);
  }
}

class Sequential final : public Strategy {
 public:
  Result run(const Batch& batch, Observer& observer, Signals& signals) override {
    return Sequence(batch, observer, signals).run();
  }
};

}  // namespace

std::unique_ptr<Strategy> make_sequential() { return std::make_unique<Sequential>(); }

}  // namespace poetry
