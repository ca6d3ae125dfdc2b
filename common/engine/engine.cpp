#include "engine/engine.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

#include "base/error.hpp"
#include "base/unknown_name.hpp"
#include "net/limits.hpp"

namespace poetry::engine {

namespace {

/// By Reason.
constexpr std::array<std::string_view, 7> reason_names{
    "finished", "peer-closed", "peer-reset", "send-timeout", "await-timeout", "fault", "shutdown"};

struct EngineKind {
  std::string_view name;
  Engine (*make)();
};

/// Every engine, in the order of the help.
constexpr std::array engine_kinds{
    EngineKind{"asio", [] { return make_reactor_engine(reactor::make_asio_set); }},
    EngineKind{"select", [] { return make_reactor_engine(reactor::make_select); }},
    EngineKind{"poll", [] { return make_reactor_engine(reactor::make_poll); }},
    EngineKind{"epoll", [] { return make_reactor_engine(reactor::make_epoll); }},
    EngineKind{"threads", make_threads_engine},
    EngineKind{"fork", make_fork_engine},
#ifdef POETRY_URING
    EngineKind{"uring", make_uring_engine},
#endif
    EngineKind{"spin", [] { return make_reactor_engine(reactor::make_spin); }},
};

}  // namespace

std::string_view to_string(Reason reason) {
  return reason_names.at(static_cast<std::size_t>(reason));
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const auto& kind : engine_kinds) names.emplace_back(kind.name);
  return names;
}

Engine make_engine(std::string_view name) {
  for (const auto& kind : engine_kinds)
    if (kind.name == name) return kind.make();
  if (name == "uring")
    throw base::UsageError("engine not built in, which takes liburing 2.3 or newer", name);
  throw base::unknown_name("engine", engine_names(), name);
}

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
