#include "engine/capacity.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

#include "net/descriptor_limit.hpp"

namespace poetry::engine {

Capacity descriptor_capacity(std::uint64_t own) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t max = limit.rlim_cur;
  const auto used = net::open_descriptors().size() + own;
  return {max > used ? max - used : 0, std::to_string(max) + " open files (ulimit -n)"};
}

Capacity process_capacity(std::uint64_t own_descriptors) {
  auto descriptors = descriptor_capacity(own_descriptors);
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  const std::uint64_t max = limit.rlim_cur;
  const bool binds = ::getuid() != 0;  // getrlimit(2)
  if (!binds || max >= descriptors.connections) return descriptors;
  return {max, std::to_string(max) + " processes of this user (ulimit -u)"};
}

void throw_no_process(int error, const std::string& attempt) {
  throw std::system_error(error, std::generic_category(),
                          attempt +
                              " (see ulimit -u, kernel.threads-max, kernel.pid_max, "
                              "vm.max_map_count, cgroup pids.max)");
}

}  // namespace poetry::engine
