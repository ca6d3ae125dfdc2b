#include "engine/blocking.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "reactor/timeout.hpp"

namespace poetry::engine {
namespace {

/// Waits for what is awaited or what comes from outside; says what the socket is ready for.
Event wait(int socket, const Awaited& awaited, Outside& outside) {
  const int asked = (awaited.input ? POLLIN : 0) | (awaited.output ? POLLOUT : 0);
  // A socket of which nothing is asked stays out, since a hang-up would end every wait at once.
  std::array<pollfd, 3> all{{{asked != 0 ? socket : -1, static_cast<short>(asked), 0},
                             outside.descriptors[0],
                             outside.descriptors[1]}};
  const auto until = std::min(awaited.until, outside.until);
  const int count = reactor::poll_until(all, awaited.turn ? base::TimePoint::min() : until,
                                        base::Clock::now(), outside.mask);
  if (count < 0) reactor::take_failed_wait("a client");
  const auto found = [&](std::size_t i) { return count > 0 ? all[i].revents : short{0}; };
  outside.descriptors[0].revents = found(1);
  outside.descriptors[1].revents = found(2);
  if (found(0) == 0) return Event::nothing;
  return awaited.input ? Event::input : Event::output;  // it never waits for both
}

}  // namespace

void run_blocking(Connection& connection, Outside& outside, std::span<char> buffer) {
  try {
    for (auto event = Event::nothing;;) {
      auto awaited = connection.proceed(event, base::Clock::now(), buffer);
      if (awaited.over) return;
      const auto notice = outside.take(base::Clock::now());
      if (notice == Notice::stop) {
        connection.end(Reason::shutdown);
        return;
      }
      if (notice == Notice::news) {
        awaited = connection.proceed(Event::news, base::Clock::now(), buffer);
        if (awaited.over) return;
      }
      event = wait(connection.socket(), awaited, outside);
    }
  } catch (const std::exception& error) {
    connection.fail(error);
  }
}

}  // namespace poetry::engine
