// From what is planned to what is bound: the ports with their services, faults, limits and seeds.
// Owned by the server; a reload replaces all but the listeners.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "options.hpp"
#include "session/catalog.hpp"

namespace poetry {

/// The address to listen on, IPv4 where a name has both. Raises std::system_error.
Address listening_address(const HostPort& at);

class Ports {
 public:
  /// Binds every port or none, its faults armed before. Raises std::system_error.
  Ports(const std::vector<Plan>& plans, const ServerOptions& options, std::uint64_t seed,
        OnFired on_fired);
  Ports(const Ports&) = delete;  // the catalog refers to this object
  Ports& operator=(const Ports&) = delete;

  /// Takes over services and limits, all or nothing; connections under way keep what they have.
  /// Raises UsageError where a place to listen, or what happens there before accept, would change.
  void replace(const std::vector<Plan>& plans, const ServerOptions& options);

  [[nodiscard]] std::span<Port> all() { return ports_; }
  [[nodiscard]] std::span<const Port> all() const { return ports_; }

 private:
  struct Services;

  [[nodiscard]] Services make_services(const std::vector<Plan>& plans) const;
  void bind(const Plan& plan, int backlog, std::uint64_t seed);
  void equip(std::size_t index, const ServiceSpec& spec, const Services& services);
  [[nodiscard]] std::vector<CatalogEntry> catalog() const;

  OnFired on_fired_;
  std::vector<Plan> plans_;
  std::vector<Port> ports_;
  std::vector<std::shared_ptr<const PoemService>> poems_;  // by port; empty where none is served
  std::vector<Fd> closed_;                                 // bound, where a fault lets nobody in
  std::shared_ptr<Quota> quota_;                           // of all ports without one of their own
};

}  // namespace poetry
