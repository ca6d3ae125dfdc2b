#include "reactor/epoll.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/error.hpp"
#include "reactor/timeout.hpp"

namespace poetry::reactor {

Epoll::Epoll() : epoll_(base::opened(::epoll_create1(EPOLL_CLOEXEC), "make", "an epoll set")) {}

void Epoll::set(int fd, Interest interest) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= interests_.size()) interests_.resize(index + 1, Interest::none);
  const auto before = interests_[index];
  if (before == interest) return;
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(interest);
  event.data.fd = fd;
  const int how = interest == Interest::none ? EPOLL_CTL_DEL
                  : before == Interest::none ? EPOLL_CTL_ADD
                                             : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), how, fd, &event) < 0) base::throw_errno("watch", "a descriptor");
  interests_[index] = interest;
}

/// The kernel takes a descriptor out of the set when it is closed.
void Epoll::forget(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index < interests_.size()) interests_[index] = Interest::none;
}

std::span<const Ready> Epoll::wait(base::Duration timeout) {
  ready_.clear();
  int count = wait_for_events(timeout);
  // To be stopped and continued ends the wait (signal(7)); what came meanwhile was there in time.
  if (count < 0 && errno == EINTR) count = wait_for_events(base::Duration::zero());
  if (count < 0) take_failed_wait("descriptors");
  for (int i = 0; i < count; ++i) {
    const auto& event = events_[static_cast<std::size_t>(i)];
    const auto interest = interests_[static_cast<std::size_t>(event.data.fd)];
    ready_.push_back({event.data.fd, ready_for(event.events, interest)});
  }
  return ready_;
}

/// epoll_pwait2(2) where the kernel has it (Linux 5.11), else in whole milliseconds.
int Epoll::wait_for_events(base::Duration timeout) {
  const auto limit = to_timespec(timeout);
  const int count = ::epoll_pwait2(epoll_.get(), events_.data(), events_per_wait,
                                   limit ? &*limit : nullptr, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return ::epoll_wait(epoll_.get(), events_.data(), events_per_wait,
                      timeout == forever ? -1 : static_cast<int>(std::min<long>(millis, INT_MAX)));
}

std::unique_ptr<Multiplexer> make_epoll() { return std::make_unique<Epoll>(); }

}  // namespace poetry::reactor
