#include "net/descriptor_limit.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <string>

namespace poetry::net {

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : soft;
}

std::vector<int> open_descriptors() {
  std::vector<int> open;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; at != end;
       at.increment(error)) {
    open.push_back(std::stoi(at->path().filename()));
  }
  return open;
}

}  // namespace poetry::net
