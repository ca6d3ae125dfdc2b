// One fault as its user wrote it, taken apart: which connections it is for, what it does to them,
// and where or how much. A plain value, made by parse_faults().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "session/session.hpp"

namespace poetry::faults {

class Trigger;

/// Makes a session that says what `inner` says but for its fault, as decorators.hpp has them.
using Wrap = std::unique_ptr<session::Session> (*)(std::unique_ptr<session::Session> inner,
                                                   const Trigger& trigger);

/// What happens at the port before a connection is accepted.
enum class Acceptance { accept, refuse, blackhole };

struct Fault {
  /// Where it acts: on the port, on the service that opens sessions, or on one session.
  enum class Scope { port, service, session };
  enum class Unit { bytes, lines };
  /// Which others of its scope and wrap a connection does not get beside it.
  enum class Rivals { all, same_amount };

  struct Selector {
    /// From the general to the specific.
    enum class By { all, chance, number };
    By by = By::all;
    double chance = 1;         ///< in [0, 1]
    std::uint64_t number = 0;  ///< the port's Nth connection, from 1

    bool operator==(const Selector&) const = default;
  };

  std::string text = {};  ///< as written: "#1:reset-after=40B"
  Selector selector = {};
  Scope scope = Scope::session;
  Wrap wrap = nullptr;          ///< of a session's
  int layer = 0;                ///< of several wraps the higher is around the lower
  Rivals rivals = Rivals::all;  ///< corrupt: same_amount, as twice flipped is whole again
  std::uint64_t amount = 0;     ///< slice: the longest; corrupt: the byte; end: after how much
  Unit unit = Unit::bytes;      ///< of an end's amount
  base::Duration by{0};         ///< latency, accept-delay: how much later; 0 is off
  session::Step last = {};      ///< end: what the session says from then on
  Acceptance acceptance = Acceptance::accept;
};

}  // namespace poetry::faults
