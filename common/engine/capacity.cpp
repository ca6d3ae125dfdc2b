#include "engine/capacity.hpp"

#include <sys/resource.h>

#include <filesystem>

namespace poetry {

Capacity descriptor_capacity() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::error_code error;
  std::uint64_t open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end;
       at.increment(error)) {
    ++open;  // with the one that lists them
  }
  const std::uint64_t most = limit.rlim_cur;
  return {most > open ? most - open : 0, std::to_string(most) + " open files (ulimit -n)"};
}

}  // namespace poetry
