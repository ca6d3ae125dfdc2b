#include "cost.hpp"

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace poetry::get {
namespace {

base::Duration duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Not getrusage(2)'s ru_maxrss, which starts with what the process that called exec had used.
std::uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace

report::Cost cost_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  report::Cost cost;
  cost.cpu_user = duration_of(usage.ru_utime);
  cost.cpu_system = duration_of(usage.ru_stime);
  cost.context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
  cost.max_rss_kib = peak_memory_kib();
  return cost;
}

}  // namespace poetry::get
