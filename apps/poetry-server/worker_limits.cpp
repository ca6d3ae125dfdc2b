#include "worker_limits.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

namespace poetry::server {
namespace {

/// What the parent opens beside the listeners and a pipe for each worker.
constexpr std::uint64_t worker_descriptors = 16;
/// What a worker opens beside its clients: both ends of pipes, what its engine waits with.
constexpr std::uint64_t worker_files = 8;
/// An idle worker's own pages with their tables, and what the kernel keeps of a process.
constexpr std::uint64_t worker_memory = std::uint64_t{512} << 10U;
/// A client's sockets in the kernel, and what the leanest engine keeps of it.
constexpr std::uint64_t client_memory = 5000;

std::uint64_t left(std::uint64_t max, std::uint64_t used) { return max > used ? max - used : 0; }

/// A product that stays at the largest number where it would be larger.
std::uint64_t times(std::uint64_t one, std::uint64_t other) {
  std::uint64_t product = 0;
  const bool too_large = __builtin_mul_overflow(one, other, &product);
  return too_large ? std::numeric_limits<std::uint64_t>::max() : product;
}

void consider(WorkerCapacity& min, std::uint64_t workers, std::string limit) {
  if (workers < min.workers) min = {workers, std::move(limit)};
}

/// In bytes, without swapping (proc(5)); the largest number where the kernel does not say.
std::uint64_t available_memory(const engine::LimitFiles& files) {
  std::ifstream info(files.proc + "/meminfo");
  for (std::string key, rest; info >> key; std::getline(info, rest)) {
    std::uint64_t kib = 0;
    if (key == "MemAvailable:" && info >> kib) return times(kib, 1024);
  }
  return std::numeric_limits<std::uint64_t>::max();
}

/// Of the control group that is to be seen, which in a container is its own (cgroups(7), version
/// 2).
std::uint64_t group_memory(const engine::LimitFiles& files) {
  std::uint64_t max = 0;
  std::uint64_t used = 0;
  if (!(std::ifstream(files.cgroups + "/memory.max") >> max)) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  std::ifstream(files.cgroups + "/memory.current") >> used;
  return left(max, used);
}

}  // namespace

WorkerCapacity worker_capacity(const WorkerNeeds& needs, const engine::LimitFiles& files) {
  // Where a descriptor each is the limit, more than one each is a narrower one.
  const auto processes = engine::process_capacity(worker_descriptors, files);
  WorkerCapacity min{processes.connections, processes.limit};
  const auto descriptors = engine::descriptor_capacity(worker_descriptors);
  consider(min, descriptors.connections / (needs.listeners + 1),
           descriptors.limit + ", one for each worker and for each of its ports");

  std::uint64_t open = 0;
  std::uint64_t unused = 0;
  std::uint64_t max = 0;
  if (std::ifstream(files.proc + "/sys/fs/file-nr") >> open >> unused >> max) {
    consider(min, left(max, open) / (worker_files + std::min(needs.clients, max)),
             std::to_string(max) + " open files of all processes (fs.file-max)");
  }
  const auto memory = std::min(available_memory(files), group_memory(files));
  const auto each = times(needs.clients, client_memory);
  consider(min, memory / (each > memory ? each : worker_memory + each),
           std::to_string(memory >> 20U) + " MiB of memory");
  return min;
}

}  // namespace poetry::server
