// The catalog service: what this server serves, as one JSON array, from live data; then the end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "session/poem.hpp"
#include "session/session.hpp"

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

/// Safe to call from several threads as far as its catalog is.
class CatalogService : public Service {
 public:
  /// An empty function gives an empty array.
  explicit CatalogService(Catalog catalog) : catalog_(std::move(catalog)) {}
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;

 private:
  Catalog catalog_;
};

}  // namespace poetry::session
