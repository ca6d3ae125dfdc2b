// What a run is to fetch, from its options, lists and catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fetch/strategy.hpp"
#include "net/address.hpp"
#include "net/signals.hpp"
#include "options.hpp"

namespace poetry::get {

/// Without the catalog there is nothing to fetch.
class CatalogError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How many tasks there is room for at once: each needs a descriptor.
struct Room {
  std::uint64_t tasks;
  std::uint64_t descriptors;  ///< in all (RLIMIT_NOFILE, raised as far as it goes)
};
Room room_for_tasks();

net::Family family_of(const GetOptions& options);

/// Fetches the catalog, where one was asked for, and says at -v what is in it. None where a signal
/// ended that. No more tasks at once than descriptors allow, which is a warning where more were
/// asked for. Raises CatalogError naming the catalog, and std::system_error. Only for a process
/// without other threads.
std::optional<fetch::Batch> plan_batch(const GetOptions& options, std::vector<fetch::Server> given,
                                       std::optional<std::string> send, net::Signals& signals);

}  // namespace poetry::get
