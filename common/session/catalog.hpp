// What a server serves, for its catalog service to tell.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "session/poem.hpp"

namespace poetry::session {

/// One port of this server; `poem` where it serves one.
struct CatalogEntry {
  std::string host;
  std::uint16_t port = 0;
  std::string service;
  std::string name;
  std::shared_ptr<const PoemService> poem;
};

/// Asked at each connection, in the thread that opens sessions.
using Catalog = std::function<std::vector<CatalogEntry>()>;

}  // namespace poetry::session
