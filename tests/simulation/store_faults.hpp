// What goes wrong at the points of a run: each beginning, statement and commit of a transaction is
// one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/store_world.hpp"

namespace poetry::sync::simulation {

/// Reading has one point, before all of it.
enum class Place { read, begin, statement, commit, committed };

enum class Fault {
  die,    ///< the process
  stall,  ///< the process, for longer than a lease
  error,  ///< the database refuses, as where it is full; after a commit: it has been done
  again,  ///< the connection is lost before the commit, and the transaction runs once more
  stop,   ///< the process is told to end
};
inline constexpr std::array<std::string_view, 5> fault_names{"die", "stall", "error", "again",
                                                             "stop"};

/// Whether it makes a difference there.
constexpr bool is_possible(Fault fault, Place place) {
  if (fault == Fault::again) return place == Place::commit;
  if (fault == Fault::stop) return place == Place::read || place == Place::committed;
  return true;
}

/// Faults at points, which count from 0.
using Placed = std::vector<std::pair<std::uint64_t, Fault>>;

struct FaultPlan {
  Placed placed = {};
  std::uint64_t per_mille = 0;          ///< of the points, where they are drawn
  base::TimePoint until = base::never;  ///< none is drawn from then on
  base::Duration stall = 450ms;
  base::Duration step = 1ms;  ///< what a point takes, at most where that is drawn
};

class Faults {
 public:
  explicit Faults(FaultPlan plan) : plan_(std::move(plan)) {}
  /// The next point: takes its time, and may raise DatabaseError or Died. True where the
  /// transaction is to run again.
  bool point(World& world, Place place);
  /// Places of those points that there were.
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }

 private:
  std::optional<Fault> choose(World& world, Place place);
  FaultPlan plan_;
  std::vector<Place> places_;
};

}  // namespace poetry::sync::simulation
