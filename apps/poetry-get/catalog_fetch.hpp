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

namespace poetry::get {

/// Without the catalog there is nothing to fetch.
class CatalogError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where the poems of a catalog may be: at the catalog's own host alone, by its name or the address
/// that it was fetched from, or anywhere.
enum class CatalogHosts { own, any };

/// Fetches the catalog, within the limits and retries of `fetch`: one that ends in the midst of its
/// JSON is fetched anew. None where a signal ended it. Raises CatalogError naming it, and
/// std::system_error. Only for a process without other threads.
std::optional<fetch::PoemCatalog> fetch_catalog(const net::HostPort& where,
                                                const fetch::FetchOptions& fetch,
                                                net::Family family, CatalogHosts hosts,
                                                net::Signals& signals);

/// The servers given, then the catalog's poems that are not among them, each `repeat` times over;
/// those that stand in the catalog with what is expected of them.
fetch::Servers servers_of(std::vector<fetch::Server> given, const fetch::PoemCatalog& catalog,
                          std::uint64_t repeat);

}  // namespace poetry::get
