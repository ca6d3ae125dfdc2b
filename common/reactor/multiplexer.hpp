// The system call that waits for many descriptors at once, behind three verbs. Level-triggered:
// what stays ready is reported by every wait. It borrows descriptors; unset one before it is
// closed.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.hpp"

namespace poetry::reactor {

/// What to wait for on a descriptor, or what it is ready for: as events of poll(2) and epoll(7).
enum class Interest : std::uint8_t { none = 0, read = POLLIN, write = POLLOUT };

constexpr Interest operator|(Interest one, Interest other) {
  return static_cast<Interest>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}

/// Those of `events`, or all that was `asked` after an error or hang-up, which is found by the call
/// that was waited for.
constexpr Interest ready_for(unsigned events, Interest asked) {
  const bool failed = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  return failed ? asked : static_cast<Interest>(events & (POLLIN | POLLOUT));
}

/// Whether `all` has any of `some`.
constexpr bool has(Interest all, Interest some) {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(some)) != 0;
}

/// A descriptor may be reported once for reading and once for writing in the same wait.
struct Ready {
  int fd = -1;
  Interest what = Interest::none;

  bool operator==(const Ready&) const = default;
};

/// A wait without end.
inline constexpr base::Duration forever = base::Duration::max();

class Multiplexer {
 public:
  virtual ~Multiplexer() = default;
  /// What to wait for on `fd` from now on, in place of what it was; none forgets it.
  /// May raise std::bad_alloc, std::system_error.
  virtual void set(int fd, Interest interest) = 0;
  /// The same as none, for a descriptor that is closed next and has no duplicate, which may spare a
  /// system call. May raise as set() does.
  virtual void forget(int fd) { set(fd, Interest::none); }
  /// Waits until something is ready or `timeout` has passed, rounded up to the clock of the system
  /// call, so that it never returns early for time; a signal handler may end it with nothing.
  /// It looks once more when the time has passed, so that what came before a deadline is found.
  /// An error or hang-up counts as ready for what was asked. Whoever is woken makes the call that
  /// it waited for, which may find nothing. The list is valid until the next wait.
  /// Raises std::system_error.
  virtual std::span<const Ready> wait(base::Duration timeout) = 0;
  /// Tells the owners of other operations what came to an end in that wait. To be called after each
  /// wait, once the time is known: their handlers may take long.
  virtual void hand_over() {}
};

/// Each file says what its one costs. Owned by whoever runs a loop over it, in the process that
/// made it. Raise std::system_error.
std::unique_ptr<Multiplexer> make_asio_set();
std::unique_ptr<Multiplexer> make_epoll();
std::unique_ptr<Multiplexer> make_poll();
std::unique_ptr<Multiplexer> make_select();
std::unique_ptr<Multiplexer> make_spin();

}  // namespace poetry::reactor
