#include "fetch/strategy.hpp"

#include <algorithm>
#include <array>
#include <system_error>

#include "base/error.hpp"
#include "fetch/strategies.hpp"
#include "reactor/epoll.hpp"
#include "reactor/poll.hpp"
#include "reactor/select.hpp"

namespace poetry::fetch {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Strategy> (*make)();
};

template <typename Waiting>
std::unique_ptr<Strategy> make_strategy_over() {
  return make_multiplexed_strategy([] { return std::make_unique<Waiting>(); });
}

constexpr std::array entries{
    Entry{"sequential", make_sequential},
    Entry{"threads", make_threads},
    Entry{"select", make_strategy_over<reactor::Select>},
    Entry{"poll", make_strategy_over<reactor::Poll>},
    Entry{"epoll", make_strategy_over<reactor::Epoll>},
    Entry{"asio", make_asio_strategy},
#ifdef POETRY_URING
    Entry{"uring", make_uring_strategy},
#endif
};

}  // namespace

Fetch begin_fetch(const Batch& batch, std::size_t task, base::TimePoint now) {
  return {batch.servers[task], batch.fetch, task, now, batch.servers.expected(task)};
}

const std::vector<std::string>& strategy_names() {
  static const auto names = [] {
    std::vector<std::string> list;
    for (const auto& entry : entries) list.emplace_back(entry.name);
    return list;
  }();
  return names;
}

std::vector<std::string> allowed_strategies() {
  std::vector<std::string> list;
  for (const auto& entry : entries) {
    try {
      entry.make();
      list.emplace_back(entry.name);
    } catch (const std::system_error&) {
      continue;  // who names it is told why
    }
  }
  return list;
}

std::unique_ptr<Strategy> make_strategy(std::string_view name) {
  std::string known;
  for (const auto& entry : entries) {
    if (entry.name == name) return entry.make();
    known.append(known.empty() ? "" : ", ").append(entry.name);
  }
  if (name == "uring") {
    throw base::UsageError("engine not built in, which takes liburing 2.3 or newer", name);
  }
  throw base::UsageError("unknown engine (there are " + known + ", all)", name);
}

}  // namespace poetry::fetch
