#include "limits.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "engine/capacity.hpp"

namespace poetry::server {
namespace {

/// What the parent opens beside the listeners and a pipe for each worker.
constexpr std::uint64_t parent_descriptors = 16;

}  // namespace

std::string require_clients(const engine::Engine& engine, const ServerOptions& options,
                            const std::vector<Plan>& plans) {
  auto max = options.settings.max_clients;
  for (const auto& plan : plans) max = std::max(max, plan.spec.settings.max_clients);
  const auto capacity = engine.capacity();
  auto room = options.engine + " holds at most " + std::to_string(capacity.connections) +
              " connections here: " + capacity.limit;
  if (max <= capacity.connections) return room;
  throw base::Failure("--max-clients " + std::to_string(max) + ": " + room,
                      "raise that limit, or lower --max-clients");
}

std::string require_workers(const ServerOptions& options, const std::vector<Plan>& plans) {
  const auto workers = worker_count(options);
  auto capacity = engine::process_capacity();
  auto descriptors = engine::descriptor_capacity(parent_descriptors);
  descriptors.connections /= plans.size() + 2;
  if (descriptors.connections < capacity.connections) {
    capacity = {descriptors.connections,
                descriptors.limit + ", two for each worker and one for each of its ports"};
  }
  const auto room = "at most " + std::to_string(capacity.connections) + " here: " + capacity.limit;
  if (workers <= capacity.connections) return std::to_string(workers) + " workers: " + room;
  throw base::Failure("--workers " + std::to_string(workers) + ": " + room,
                      "raise that limit, or lower --workers");
}

}  // namespace poetry::server
