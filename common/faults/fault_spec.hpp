// Faults on demand, as users write them: "[SELECT:]NAME[=ARG]", SELECT being "N%" or "#N". A plan is
// the faults of one port; what it does to a connection follows from the connection's seed and number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/session.hpp"

namespace poetry {

/// A fault that took effect. It is reported when it does, not when it is chosen.
struct Fired {
  const Peer& peer;
  std::string_view fault;    ///< as written: "#1:reset-after=40B"
  std::uint64_t offset = 0;  ///< bytes that the session had sent by then
};

/// Called where a session is stepped: under some engines in many threads at once.
using OnFired = std::function<void(const Fired&)>;

/// What happens at the port before a connection is accepted.
enum class Door { open, refuse, blackhole };

}  // namespace poetry
