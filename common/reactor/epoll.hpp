// Multiplexer by epoll(7): the kernel keeps the list, and a wait costs time in proportion to what
// is ready. Owned by whoever runs a loop over it, in the process that made it: its kernel object
// would be shared across a fork.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <deque>
#include <vector>

#include "base/fd.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry::reactor {

class Epoll final : public Multiplexer {
 public:
  /// Raises std::system_error.
  Epoll();
  void set(int fd, Interest interest) override;
  void forget(int fd) override;
  std::span<const Ready> wait(base::Duration timeout) override;
  /// Readable as long as something is ready, so that another loop can wait for this one.
  [[nodiscard]] int fd() const { return epoll_.get(); }

 private:
  static constexpr std::size_t events_per_wait = 512;  // those left over come with the next wait

  int wait_for_events(base::Duration timeout);

  base::Fd epoll_;
  std::deque<Interest> interests_;  // by descriptor
  std::array<epoll_event, events_per_wait> events_{};
  std::vector<Ready> ready_;
};

}  // namespace poetry::reactor
