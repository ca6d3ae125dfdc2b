#include "fetch/strategy.hpp"

#include <array>
#include <system_error>

#include "base/error.hpp"
#include "base/unknown_name.hpp"
#include "fetch/strategies.hpp"
#ifdef POETRY_URING
#include "reactor/ring.hpp"
#endif

namespace poetry::fetch {
namespace {

struct Entry {
  std::string_view name;
  Result (*run)(const Batch&, Observer&, net::Signals&);
  void (*try_out)() = [] {};  // raises std::system_error where the kernel does not allow it
  bool in_all = true;         // else it runs only where it is named
};

template <std::unique_ptr<reactor::Multiplexer> (*MakeMultiplexer)()>
Result run_over(const Batch& batch, Observer& observer, net::Signals& signals) {
  return run_multiplexed(*MakeMultiplexer(), batch, observer, signals);
}

constexpr std::array entries{
    Entry{"sequential", run_sequential},
    Entry{"threads", run_threads},
    Entry{"select", run_over<reactor::make_select>},
    Entry{"poll", run_over<reactor::make_poll>},
    Entry{"epoll", run_over<reactor::make_epoll>},
    Entry{"asio", run_asio},
#ifdef POETRY_URING
    Entry{"uring", run_uring, reactor::Ring::try_out},
#endif
    // Not unasked: it takes a whole processor, and those beside it get what is left.
    Entry{.name = "spin", .run = run_over<reactor::make_spin>, .in_all = false},
};

}  // namespace

Fetch begin_fetch(const Batch& batch, std::size_t task, base::TimePoint now) {
  return {batch.servers[task], batch.fetch, task, now, batch.servers.details(task)};
}

bool resolve_numeric(Fetch& fetch, const Batch& batch) {
  const auto found = net::resolve_numeric(fetch.where(), batch.family);
  if (found.addresses.empty()) return false;
  fetch.resolved(found, base::Clock::now());
  return true;
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> list;
  for (const auto& entry : entries) list.emplace_back(entry.name);
  return list;
}

std::vector<std::string> all_strategies() {
  std::vector<std::string> list;
  for (const auto& entry : entries) {
    if (!entry.in_all) continue;
    try {
      entry.try_out();
      list.emplace_back(entry.name);
    } catch (const std::system_error&) {
      continue;  // who names it is told why
    }
  }
  return list;
}

Strategy find_strategy(std::string_view name) {
  for (const auto& entry : entries) {
    if (entry.name == name) {
      entry.try_out();
      return entry.run;
    }
  }
  if (name == "uring")
    throw base::UsageError("engine not built in, which takes liburing 2.3 or newer", name);
  auto valid = strategy_names();
  valid.emplace_back("all");
  throw base::unknown_name("engine", valid, name);
}

}  // namespace poetry::fetch
