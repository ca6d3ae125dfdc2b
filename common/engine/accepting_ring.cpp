#include "engine/accepting_ring.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace poetry::engine {
namespace {

// What all connections together may send to the server in a turn, 64 KiB. A connection that cannot
// take it at once keeps it, and so never more than that.
constexpr reactor::Ring::Buffers receive_buffers{16, 4096};

// The tag of an accept: beside the operation's bits the index of its port, and of which round it
// is.
constexpr std::uint64_t accept_operation = reactor::RingMultiplexer::others + 2;
constexpr unsigned accept_index_shift = 3;
constexpr unsigned accept_round_shift = 34;
constexpr std::uint64_t accept_index_bits =
    (std::uint64_t{1} << (accept_round_shift - accept_index_shift)) - 1;
constexpr std::uint32_t accept_round_bits = (std::uint32_t{1} << (64 - accept_round_shift)) - 1;
bool is_accept(const reactor::Completion& completion) {
  return (completion.tag & AcceptingRing::operation_bits) == accept_operation;
}

}  // namespace

AcceptingRing::Accepting::Accepting(const Port& its_port, std::size_t at)
    : port(&its_port),
      index(at),
      listener(its_port.listener.get()),
      handed_down(net::listens_together(listener)) {}

AcceptingRing::AcceptingRing(std::span<Port> ports) : polls_(receive_buffers) {
  for (const auto& port : ports) {
    if (port.listener) accepting_.emplace_back(port, accepting_.size());
  }
  polls_.pass_on([this](const reactor::Completion& completion) {
    if (!is_accept(completion)) handler_(completion);
  });
}

AcceptingRing::~AcceptingRing() {
  try {
    wait(base::Duration::zero());  // what was accepted until the last moment
  } catch (const std::exception&) {
    return;  // the loop has ended by that already
  }
}

/// The listener's port; null for another descriptor, also where it has a closed listener's number.
AcceptingRing::Accepting* AcceptingRing::find(int listener) {
  const auto is_its = [listener](const Accepting& each) {
    return each.listener == listener && each.port->listener.get() == listener;
  };
  const auto at = std::find_if(accepting_.begin(), accepting_.end(), is_its);
  return at == accepting_.end() ? nullptr : &*at;
}

void AcceptingRing::set(int fd, reactor::Interest interest) {
  auto* const accepting = find(fd);
  if (accepting == nullptr) {
    polls_.set(fd, interest);
    return;
  }
  const bool wanted = interest != reactor::Interest::none;
  if (accepting->wanted == wanted) return;
  accepting->wanted = wanted;
  if (!wanted) {
    stop(*accepting);
    return;
  }
  // For a connection the kernel wakes one of those who accept by a ring, and that may be the ring
  // of a process that has just died; but all of those who poll.
  accepting->by_itself = accepting->port->quota->limit == 0 && !accepting->handed_down;
  if (accepting->by_itself) {
    ask(*accepting);
  } else {
    polls_.set(fd, interest);
  }
}

void AcceptingRing::ask(Accepting& accepting) {
  accepting.asked = true;
  ring().accept(accepting.listener, std::uint64_t{accepting.round} << accept_round_shift |
                                        std::uint64_t{accepting.index} << accept_index_shift |
                                        accept_operation);
}

void AcceptingRing::stop(Accepting& accepting) {
  polls_.set(accepting.listener, reactor::Interest::none);
  accepting.round = (accepting.round + 1) & accept_round_bits;
  if (!std::exchange(accepting.asked, false)) return;
  ring().cancel(accepting.listener);
  ring().flush();  // the listener may be closed now
}

std::span<const reactor::Ready> AcceptingRing::wait(base::Duration timeout) {
  for (auto* const each : std::exchange(to_ask_, {})) {
    if (each->wanted && each->by_itself && !each->asked) ask(*each);
  }
  const auto polled = polls_.wait(waiting_ > 0 ? base::Duration::zero() : timeout);
  for (const auto& completion : polls_.completions()) {
    if (is_accept(completion)) take(completion);
  }
  ready_.assign(polled.begin(), polled.end());
  if (waiting_ > 0) report();
  return ready_;
}

void AcceptingRing::take(const reactor::Completion& completion) {
  auto& accepting = accepting_[completion.tag >> accept_index_shift & accept_index_bits];
  if (completion.result >= 0) {
    accepting.waiting.emplace_back(completion.result);
    ++waiting_;
  } else if (completion.result != -ECANCELED && !net::lost_before_accept(-completion.result)) {
    if (accepting.error == 0) ++waiting_;
    accepting.error = -completion.result;
  }
  if (!completion.more && accepting.round == completion.tag >> accept_round_shift) {
    accepting.asked = false;
    to_ask_.push_back(&accepting);
  }
}

/// Those of a port that has been closed are turned away, as the kernel would in its own queue.
void AcceptingRing::report() {
  for (auto& each : accepting_) {
    if (!each.port->listener) {
      waiting_ -= each.waiting.size() + (each.error != 0 ? 1 : 0);
      for (auto& socket : each.waiting) net::reset_on_close(socket.get());
      each.waiting.clear();
      each.error = 0;
    }
    const bool any = !each.waiting.empty() || each.error != 0;
    if (any && each.wanted) ready_.push_back({each.listener, reactor::Interest::read});
  }
}

net::Accepted AcceptingRing::take_from(Port& port) {
  auto* const accepting = find(port.listener.get());
  if (!accepting->waiting.empty()) {
    --waiting_;
    base::Fd socket = std::move(accepting->waiting.front());
    accepting->waiting.pop_front();
    const auto peer = net::peer_of(socket.get());
    return {std::move(socket), peer, {}};
  }
  if (accepting->error != 0) {
    --waiting_;
    return {
        base::Fd{}, net::Address{}, {std::exchange(accepting->error, 0), std::generic_category()}};
  }
  if (accepting->by_itself) return {{}, {}, std::make_error_code(std::errc::operation_would_block)};
  auto taken = net::accept_from(port.listener.get());
  if (taken.socket) net::let_block(taken.socket.get());
  return taken;
}

}  // namespace poetry::engine
