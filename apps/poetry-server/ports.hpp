// From what is planned to what is bound: the ports with their services, faults, limits and seeds.
// Owned by the server, each worker having a copy; a reload replaces all but the listeners.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "options.hpp"
#include "session/catalog.hpp"

namespace poetry::server {

/// The address to listen on, IPv4 where a name has both. Raises std::system_error.
net::Address listening_address(const net::HostPort& at);

/// A socket that has the port as its plan wants it, with a backlog of 1 where it accepts: what
/// --check tries is what a run does. Raises std::system_error naming the address.
base::Fd take_port(const Plan& plan, const net::Address& address);

/// The listeners that this process inherited, by plan; empty where the port is to be bound. Raises
/// UsageError and std::runtime_error where one is no TCP listener, or is at a port that is not
/// served or cannot have it.
std::vector<base::Fd> take_inherited(const std::vector<Plan>& plans, const ServerOptions& options);

/// What one port serves, or several that are to serve the same; `poem` where that is one.
struct Served {
  std::shared_ptr<session::Service> service;  ///< with its faults
  std::shared_ptr<const session::PoemService> poem;
  std::shared_ptr<faults::CurrentPlan> faults;
};

class Ports {
 public:
  /// Binds every port or none, its faults armed before, but for those whose listeners are
  /// `inherited`, see take_inherited(). Raises std::system_error.
  /// Every port has a listener; with several workers one for each of them, see become().
  Ports(const std::vector<Plan>& plans, const ServerOptions& options, std::uint64_t seed,
        faults::OnFired on_fired, std::vector<base::Fd> inherited);
  Ports(const Ports&) = delete;  // the catalog refers to this object
  Ports& operator=(const Ports&) = delete;

  /// Reads what these plans serve; what is no poem stays as it is where nothing of it has changed.
  /// In any thread, as long as no other calls replace(). Raises UsageError where a place to listen,
  /// or what happens there before accept, would change, and std::system_error.
  [[nodiscard]] std::vector<Served> read(const std::vector<Plan>& plans,
                                         const ServerOptions& options) const;
  /// Takes over what was read, and limits; connections under way keep what they have.
  void replace(const std::vector<Plan>& plans, const ServerOptions& options,
               std::vector<Served> served);

  /// What sessions that begin from now on get at the ports of this number. Raise UsageError where
  /// there is none, what happens before accept would change, or the service has no delay.
  void change_faults(std::uint16_t number, const std::vector<std::string>& faults);
  void change_delay(std::uint16_t number, std::string_view delay);

  /// How many connections a worker holds, in memory that all processes share.
  struct Holding {
    std::vector<std::shared_ptr<engine::Quota>> quotas;
    std::vector<std::shared_ptr<std::atomic<std::uint64_t>>> at;  // by port

    [[nodiscard]] std::uint64_t connections() const {
      std::uint64_t sum = 0;
      for (const auto& count : at) sum += *count;
      return sum;
    }
  };
  [[nodiscard]] Holding make_holding() const;
  /// In a worker: gives the ports its listeners and its holding, and closes the others' listeners.
  void become(std::size_t worker, const Holding& holding);
  /// Counts what a worker held that has died: as ended. How many that were.
  std::uint64_t lose(const Holding& holding);
  /// Closes all workers' listeners here. A worker goes on with its own.
  void close_listeners() { shared_.clear(); }

  [[nodiscard]] std::span<engine::Port> all() { return ports_; }

 private:
  void bind(const Plan& plan, const ServerOptions& options, std::uint64_t seed, base::Fd inherited);
  [[nodiscard]] Served wrap(const Plan& plan, std::shared_ptr<session::Service> service) const;
  template <typename Change>
  void change(std::uint16_t number, Change change);
  void find_facts();
  [[nodiscard]] std::vector<session::CatalogEntry> catalog() const;

  faults::OnFired on_fired_;
  std::vector<Plan> plans_;
  std::vector<engine::Port> ports_;
  std::vector<Served> served_;                 // by port
  std::optional<session::FactFinder> facts_;   // of poems, where there is a catalog
  std::vector<base::Fd> closed_;               // bound, where a fault lets nobody in
  std::vector<std::vector<base::Fd>> shared_;  // by worker, where there are several
  std::vector<std::shared_ptr<engine::Quota>>
      quotas_;  // by port, its own; the last is that of the rest
};

}  // namespace poetry::server
