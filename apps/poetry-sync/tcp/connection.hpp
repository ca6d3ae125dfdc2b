// One accepted socket, and when what it waits for is late. Owned by its TcpServer, which looks
// twice a second for those that are late, since a timer each would cost more than the rest of a
// silent stream.
#pragma once

#include <utility>

#include "base/clock.hpp"
#include "tcp/coroutine.hpp"

namespace poetry::sync::tcp {

struct TcpConnection {
  explicit TcpConnection(TcpSocket accepted) : socket(std::move(accepted)) {}

  /// What the socket is doing then, or begins to do later, ends with operation_aborted.
  void expires_after(base::Duration time) {
    deadline = base::later(base::Clock::now(), time);
    late = false;
  }
  /// Until the next expires_after().
  void expires_never() { deadline = base::never; }

  TcpSocket socket;
  base::TimePoint deadline = base::never;
  bool late = false;  ///< the deadline has passed, since expires_after() at the latest
};

}  // namespace poetry::sync::tcp
