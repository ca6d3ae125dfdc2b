#include "reactor/ring_multiplexer.hpp"

#include <utility>

namespace poetry::reactor {
namespace {

// The tag of a poll: its descriptor, and of which round it is. It is not 0.
constexpr std::uint64_t poll_bit = 1;
constexpr unsigned fd_shift = 3;
constexpr unsigned round_shift = 34;
constexpr std::uint64_t fd_bits = (std::uint64_t{1} << (round_shift - fd_shift)) - 1;
constexpr std::uint32_t round_bits = (std::uint32_t{1} << (64 - round_shift)) - 1;

std::uint64_t poll_tag(int fd, std::uint32_t round) {
  return std::uint64_t{round} << round_shift | static_cast<std::uint64_t>(fd) << fd_shift |
         poll_bit;
}

}  // namespace

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
  ring_.poll(fd, watch.interest, poll_tag(fd, watch.round));
}

std::span<const Ready> RingMultiplexer::wait(base::Duration timeout) {
  for (const int fd : std::exchange(to_ask_, {})) {
    auto& watch = watches_[static_cast<std::size_t>(fd)];
    if (watch.interest != Interest::none && !watch.asked) ask(fd, watch);
  }
  ready_.clear();
  completions_ = ring_.wait(timeout);
  ++waits_;
  handing_over_ = true;
  for (const auto& completion : completions_) {
    if ((completion.tag & others) == 0) complete(completion);
  }
  return ready_;
}

void RingMultiplexer::hand_over() {
  for (const auto& completion : completions_) {
    if ((completion.tag & others) != 0) handler_(completion);
  }
  handing_over_ = false;
}

void RingMultiplexer::complete(const Completion& completion) {
  const auto fd = static_cast<int>(completion.tag >> fd_shift & fd_bits);
  auto& watch = watches_[static_cast<std::size_t>(fd)];
  if (watch.round != completion.tag >> round_shift) return;
  watch.asked = false;
  to_ask_.push_back(fd);
  ready_.push_back({fd, watch.interest});
}

}  // namespace poetry::reactor
