// The poems that a server's catalog names: where they are served and what is to be expected of
// them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/record.hpp"
#include "net/address.hpp"

namespace poetry::fetch {

struct PoemCatalog {
  struct Poem {
    net::HostPort where;
    std::string name;   ///< what the server calls it; may be empty
    Expected expected;  ///< nothing, where the poem has no end
  };
  std::vector<Poem> poems;
  std::size_t others = 0;  ///< services that are no poems
};

/// Reads what a catalog service sends: a JSON array of objects with host, port, service, and for a
/// poem with an end bytes and sha256; other members are passed over. `asked` is the catalog's own
/// address, whose host stands for one that means all of the server's (0.0.0.0, ::). Raises
/// std::runtime_error that tells what is wrong.
PoemCatalog parse_catalog(std::string_view json, const net::HostPort& asked);

}  // namespace poetry::fetch
