// One fault as its user wrote it, taken apart: which connections it is for, what it does to them,
// and where or how much. A plain value, made by parse_faults().
#pragma once

#include <cstdint>
#include <string>

#include "session/session.hpp"

namespace poetry::faults {

/// What happens at the port before a connection is accepted.
enum class Acceptance { accept, refuse, blackhole };

struct Fault {
  /// What it does; those that change a session wrap it in this order, from the inside.
  enum class Effect { slice, latency, corrupt, end, accept_delay, acceptance };
  enum class Unit { bytes, lines };

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
  Effect effect = Effect::end;
  std::uint64_t amount = 0;  ///< slice: the longest; corrupt: the byte; end: after how much
  Unit unit = Unit::bytes;   ///< of an end's amount
  base::Duration by{0};      ///< latency, accept_delay: how much later; 0 is off
  session::Step last = {};   ///< end: what the session says from then on
  Acceptance acceptance = Acceptance::accept;
};

}  // namespace poetry::faults
