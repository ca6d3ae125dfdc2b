#include "engine/capacity.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace poetry::engine {
namespace {

std::uint64_t left(std::uint64_t max, std::uint64_t used) { return max > used ? max - used : 0; }

/// The number that a file begins with; none where it is not there, or says "max".
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::uint64_t number = 0;
  if (std::ifstream(path) >> number) return number;
  return std::nullopt;
}

void consider(Capacity& min, std::uint64_t connections, std::uint64_t max, std::string_view name) {
  if (connections >= min.connections) return;
  min = {connections, std::to_string(max).append(" ").append(name)};
}

/// All threads of the machine, the last part of /proc/loadavg's fourth field (proc(5)).
std::uint64_t threads_now(const LimitFiles& files) {
  double load = 0;
  std::uint64_t running = 0;
  char slash = 0;
  std::uint64_t all = 0;
  std::ifstream(files.proc + "/loadavg") >> load >> load >> load >> running >> slash >> all;
  return all;
}

/// The threads of this process's user, of all processes that may be seen.
std::uint64_t threads_of_user(const LimitFiles& files) {
  std::uint64_t all = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(files.proc, error), end; at != end;
       at.increment(error)) {
    if (at->path().filename().string().find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::ifstream status(at->path() / "status");
    std::uint64_t user = 0;
    std::uint64_t threads = 0;
    for (std::string key, rest; status >> key; std::getline(status, rest)) {
      if (key == "Uid:") status >> user;
      if (key == "Threads:") status >> threads;
    }
    if (user == ::getuid()) all += threads;
  }
  return all;
}

/// pids.max of this process's control group and of those that it lies in, for either version
/// (cgroups(7)); in a container that hides where it lies, of the outermost that is to be seen.
void consider_cgroups(Capacity& min, const LimitFiles& files) {
  std::ifstream list(files.proc + "/self/cgroup");
  for (std::string line; std::getline(list, line);) {
    const auto controllers = line.find(':') + 1;
    const auto path = line.find(':', controllers) + 1;
    const auto named = line.substr(controllers, path - controllers - 1);
    if (!named.empty() && named != "pids") continue;
    const auto root = named.empty() ? files.cgroups : files.cgroups + "/pids";
    for (auto group = line.substr(path);; group.resize(group.rfind('/'))) {
      if (group == "/") group.clear();
      const auto max = number_in(root + group + "/pids.max");
      const auto used = number_in(root + group + "/pids.current");
      if (max) consider(min, left(*max, used.value_or(0)), *max, "processes (cgroup pids.max)");
      if (group.rfind('/') == std::string::npos) break;
    }
  }
}

/// What threads and processes have in common: a process is a thread of its own for these limits.
Capacity task_capacity(std::uint64_t own_descriptors, const LimitFiles& files) {
  auto min = descriptor_capacity(own_descriptors);
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  if (::getuid() != 0 && limit.rlim_cur != RLIM_INFINITY) {  // getrlimit(2): it does not bind root
    consider(min, left(limit.rlim_cur, threads_of_user(files)), limit.rlim_cur,
             "processes of this user (ulimit -u)");
  }
  const auto now = threads_now(files);
  for (const auto* name : {"threads-max", "pid_max"}) {
    const auto max = number_in(files.proc + "/sys/kernel/" + name);
    if (max) consider(min, left(*max, now), *max, std::string("threads (kernel.") + name + ")");
  }
  consider_cgroups(min, files);
  return min;
}

}  // namespace

Capacity descriptor_capacity(std::uint64_t own) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::error_code error;
  std::uint64_t open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end;
       at.increment(error)) {
    ++open;  // with the one that lists them
  }
  const std::uint64_t max = limit.rlim_cur;
  return {left(max, open + own), std::to_string(max) + " open files (ulimit -n)"};
}

/// A thread's stack takes two of the process's mappings, itself and its guard page.
Capacity thread_capacity(std::uint64_t own_descriptors, const LimitFiles& files) {
  auto min = task_capacity(own_descriptors, files);
  if (const auto max = number_in(files.proc + "/sys/vm/max_map_count")) {
    std::ifstream maps(files.proc + "/self/maps");
    std::uint64_t used = 0;
    for (std::string line; std::getline(maps, line);) ++used;
    consider(min, left(*max, used) / 2, *max, "memory mappings (vm.max_map_count)");
  }
  return min;
}

Capacity process_capacity(std::uint64_t own_descriptors, const LimitFiles& files) {
  return task_capacity(own_descriptors, files);
}

}  // namespace poetry::engine
