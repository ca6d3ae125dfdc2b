// A connection whose thread or process has nothing else to do: it blocks in ppoll(2) for its
// socket and for whatever else can reach it. Shared by the engines with a thread and with a
// process a connection.
#pragma once

#include <poll.h>

#include <array>

#include "engine/connection.hpp"

namespace poetry::engine {

/// What reaches a connection from elsewhere.
enum class Notice { nothing, news, stop };

/// Where a blocked connection is reached beside its own socket.
struct Outside {
  virtual ~Outside() = default;
  /// Takes what has come. Called before every wait, with what the last one found in `revents`; may
  /// change the members below.
  virtual Notice take(base::TimePoint now) = 0;

  std::array<pollfd, 2> descriptors{{{-1, POLLIN, 0}, {-1, POLLIN, 0}}};  ///< -1 is none
  base::TimePoint until = base::never;                                    ///< time that ends a wait
  const sigset_t* mask = nullptr;  ///< where a signal ends a wait: the others; null: as it is
};

/// Carries the connection to its end in the calling thread. `buffer` is lent for the call. What is
/// raised is logged and ends the connection.
void run_blocking(Connection& connection, Outside& outside, std::span<char> buffer);

}  // namespace poetry::engine
