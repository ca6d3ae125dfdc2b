// How many worker processes this machine can hold, by the figures of the moment.
#pragma once

#include "engine/capacity.hpp"

namespace poetry::server {

struct WorkerNeeds {
  std::uint64_t listeners;  ///< of each, which the parent keeps open
  std::uint64_t clients;    ///< that each is to hold at once; 0 where that is not said
};

struct WorkerCapacity {
  std::uint64_t workers;
  std::string limit;  ///< "32768 threads (kernel.pid_max)"
};

/// The most workers, and what limits them.
WorkerCapacity worker_capacity(const WorkerNeeds& needs, const engine::LimitFiles& files = {});

}  // namespace poetry::server
