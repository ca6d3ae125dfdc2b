// The tasks of a run, where a server's catalog has a part in them: it is fetched first, and says
// which poems there are and what they should be.
#pragma once

#include <optional>
#include <stdexcept>
#include <vector>

#include "fetch/poem_catalog.hpp"
#include "fetch/servers.hpp"
#include "fetch/strategy.hpp"
#include "net/address.hpp"
#include "net/signals.hpp"

namespace poetry {

/// Without the catalog there is nothing to fetch.
class CatalogError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Fetches the catalog, within the limits and retries of `fetch`. None where a signal ended it.
/// Raises CatalogError naming it, and std::system_error. Only for a process without other threads.
std::optional<PoemCatalog> fetch_catalog(const HostPort& where, const FetchOptions& fetch,
                                         Family family, Signals& signals);

/// The servers given, then the catalog's poems that are not among them, each `repeat` times over;
/// those that stand in the catalog with what is expected of them.
Servers servers_of(std::vector<HostPort> given, const PoemCatalog& catalog, std::uint64_t repeat);

}  // namespace poetry
