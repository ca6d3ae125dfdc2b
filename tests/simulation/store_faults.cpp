#include "simulation/store_faults.hpp"

#include "poetry-sync/store/database.hpp"

namespace poetry::sync::simulation {

bool Faults::point(World& world, Place place) {
  if (world.current().process.dead) throw Died();
  const auto fault = choose(world, place);
  places_.push_back(place);
  auto* const draws = world.draws();
  auto& process = world.current().process;
  if (fault == Fault::die) world.kill(process);
  if (fault == Fault::stall) process.stalled_until = world.now() + plan_.stall;
  if (fault == Fault::stop) {
    process.told_to_stop = true;
    world.wake(*process.main);
  }
  world.pause(draws != nullptr ? draws->between(0ms, plan_.step) : plan_.step);
  if (fault == Fault::error)
    throw store::DatabaseError(store::DatabaseError::Kind::passing, "database: disk is full");
  return fault == Fault::again;
}

std::optional<Fault> Faults::choose(World& world, Place place) {
  for (const auto& [at, fault] : plan_.placed)
    if (at == places_.size()) return fault;
  auto* const draws = world.draws();
  if (draws == nullptr || world.now() >= plan_.until || !draws->chance(plan_.per_mille)) return {};
  const auto fault = static_cast<Fault>(draws->below(fault_names.size()));
  if (!is_possible(fault, place)) return {};
  if (fault == Fault::stall) plan_.stall = draws->between(10ms, 3s);
  return fault;
}

}  // namespace poetry::sync::simulation
