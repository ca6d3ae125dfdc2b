#include "engine/ring_multiplexer.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace poetry {
namespace {

// What all connections together may send to the server in a turn, 64 KiB. A connection that cannot
// take it at once keeps it, and so never more than that.
constexpr Ring::Buffers receive_buffers{16, 4096};

// A tag: what it is of, whose descriptor, and of which round.
constexpr std::uint64_t polling = 1;
constexpr std::uint64_t accepting = 2;
constexpr unsigned fd_shift = 3;
constexpr unsigned round_shift = 34;
constexpr std::uint64_t fd_bits = (std::uint64_t{1} << (round_shift - fd_shift)) - 1;
constexpr std::uint32_t round_bits = (std::uint32_t{1} << (64 - round_shift)) - 1;

std::uint64_t tag_of(std::uint64_t what, int fd, std::uint32_t round) {
  return std::uint64_t{round} << round_shift | static_cast<std::uint64_t>(fd) << fd_shift | what;
}

int fd_of(const Completion& completion) {
  return static_cast<int>(completion.tag >> fd_shift & fd_bits);
}

}  // namespace

RingMultiplexer::RingMultiplexer(std::span<Port> ports) : ring_(receive_buffers) {
  for (const auto& port : ports) {
    if (!port.listener) continue;
    const int listener = port.listener.get();
    doors_.push_back({&port, listener, {}, 0, listens_together(listener), false});
  }
}

RingMultiplexer::~RingMultiplexer() {
  try {
    wait(Duration::zero());  // what was accepted until the last moment
  } catch (const std::exception&) {
    return;  // the loop has ended by that already
  }
}

RingMultiplexer::Door* RingMultiplexer::door_of(int fd) {
  const auto is_its = [fd](const Door& door) { return door.listener == fd; };
  const auto at = std::find_if(doors_.begin(), doors_.end(), is_its);
  return at == doors_.end() ? nullptr : &*at;
}

void RingMultiplexer::set(int fd, Interest interest) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  auto& watch = watches_[index];
  if (watch.interest == interest) return;
  watch.interest = interest;
  watch.round = (watch.round + 1) & round_bits;
  if (std::exchange(watch.asked, false)) {
    ring_.cancel(fd);
    ring_.flush();  // the descriptor may be closed now
  }
  if (interest != Interest::none) ask(fd, watch);
}

void RingMultiplexer::ask(int fd, Watch& watch) {
  watch.asked = true;
  auto* const door = door_of(fd);
  // The number of a listener that was closed may be another descriptor's.
  const bool listens = door != nullptr && door->port->listener.get() == fd;
  // For a connection the kernel wakes one of those who accept by a ring, and that may be the ring
  // of a process that has just died; but all of those who poll.
  if (listens) door->by_itself = door->port->quota->limit == 0 && !door->handed_down;
  if (listens && door->by_itself) {
    ring_.accept(fd, tag_of(accepting, fd, watch.round));
  } else {
    ring_.poll(fd, watch.interest, tag_of(polling, fd, watch.round));
  }
}

std::span<const Ready> RingMultiplexer::wait(Duration timeout) {
  for (const int fd : std::exchange(to_ask_, {})) {
    auto& watch = watches_[static_cast<std::size_t>(fd)];
    if (watch.interest != Interest::none && !watch.asked) ask(fd, watch);
  }
  ready_.clear();
  for (const auto& completion : ring_.wait(waiting_ > 0 ? Duration::zero() : timeout)) {
    if ((completion.tag & others) != 0) {
      handler_(completion);
    } else {
      complete(completion);
    }
  }
  if (waiting_ > 0) report_doors();
  return ready_;
}

void RingMultiplexer::complete(const Completion& completion) {
  const int fd = fd_of(completion);
  const bool accepts = (completion.tag & accepting) != 0;
  if (accepts) accepted(*door_of(fd), completion.result);
  auto& watch = watches_[static_cast<std::size_t>(fd)];
  if (watch.round != completion.tag >> round_shift) return;
  if (!completion.more) {
    watch.asked = false;
    to_ask_.push_back(fd);
  }
  if (!accepts) ready_.push_back({fd, watch.interest});
}

void RingMultiplexer::accepted(Door& door, int result) {
  if (result >= 0) {
    door.waiting.emplace_back(result);
    ++waiting_;
  } else if (result != -ECANCELED && !lost_before_accept(-result)) {
    if (door.error == 0) ++waiting_;
    door.error = -result;
  }
}

/// Those of a port that has been closed are turned away, as the kernel would in its own queue.
void RingMultiplexer::report_doors() {
  for (auto& door : doors_) {
    if (!door.port->listener) {
      waiting_ -= door.waiting.size() + (door.error != 0 ? 1 : 0);
      for (auto& socket : door.waiting) reset_on_close(socket.get());
      door.waiting.clear();
      door.error = 0;
    }
    const bool any = !door.waiting.empty() || door.error != 0;
    const auto interest = watches_[static_cast<std::size_t>(door.listener)].interest;
    if (any && interest != Interest::none) ready_.push_back({door.listener, interest});
  }
}

Accepted RingMultiplexer::take_from(Port& port) {
  auto* const door = door_of(port.listener.get());
  if (!door->waiting.empty()) {
    --waiting_;
    Fd socket = std::move(door->waiting.front());
    door->waiting.pop_front();
    const auto peer = peer_of(socket.get());
    return {std::move(socket), peer, {}};
  }
  if (door->error != 0) {
    --waiting_;
    return {Fd{}, Address{}, {std::exchange(door->error, 0), std::generic_category()}};
  }
  if (door->by_itself) return {{}, {}, std::make_error_code(std::errc::operation_would_block)};
  auto taken = accept_from(port.listener.get());
  if (taken.socket) let_block(taken.socket.get());
  return taken;
}

}  // namespace poetry
