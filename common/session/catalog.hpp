// What a server serves, for its catalog service to tell.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
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

/// Finds the facts of poems, beside the loop, in a thread that ends with this object. Those of
/// processes forked meanwhile become known there, too.
class FactFinder {
 public:
  explicit FactFinder(std::vector<std::shared_ptr<const PoemService>> poems);
  ~FactFinder();

  /// Those whose facts are not known yet, and that somebody else has as well, who may wait for
  /// them.
  [[nodiscard]] std::vector<std::shared_ptr<const PoemService>> unfinished() const;

 private:
  std::vector<std::shared_ptr<const PoemService>> poems_;
  std::atomic<bool> stopping_{false};
  int process_;  // that has the thread
  std::unique_ptr<std::thread> thread_;
};

}  // namespace poetry::session
