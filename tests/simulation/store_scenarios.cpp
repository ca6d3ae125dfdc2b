#include <algorithm>

#include "simulation/store_run.hpp"

namespace poetry::sync::simulation {

using store::RecordType;

const std::vector<Scenario>& short_scenarios() {
  using enum Action;
  static const std::vector<Scenario> scenarios{
      {.name = "poem", .records = {RecordType::poem}, .people = {{{0ms, request}}}},
      {.name = "cancel",
       .records = {RecordType::poem},
       .people = {{{0ms, request}, {90ms, cancel}}},
       .servers = {.lines = 2}},
      {.name = "twice",
       .records = {RecordType::poem},
       .people = {{{0ms, request}}, {{1ms, request}}},
       .servers = {.lines = 2, .unfinished = true}},
      {.name = "move",
       .records = {RecordType::poem},
       .people = {{{0ms, request}, {120ms, move}}},
       .servers = {.lines = 2}},
      {.name = "weblog",
       .records = {RecordType::weblog},
       .people = {{{0ms, request}}},
       .workers = 1,
       .worker = {.follow = 200ms}},
      {.name = "collection",
       .records = {RecordType::collection},
       .people = {{{0ms, request}}},
       .workers = 1,
       .servers = {.lines = 1}},
      // The third job's text is the first one's bytes.
      {.name = "history",
       .records = {RecordType::collection},
       .people = {{{0ms, request}, {400ms, request}, {800ms, request}, {1200ms, request}}},
       .workers = 1,
       .worker = {.keep = {.jobs = 1, .days = 0}, .hears_news = true},
       .servers = {.lines = 1, .poems = 1},
       .most_faults = 1},
  };
  return scenarios;
}

Scenario drawn_scenario(Draws& draws) {
  Scenario scenario{.name = "drawn"};
  const auto records = draws.between(std::uint64_t{1}, 3);
  for (std::uint64_t i = 0; i < records; ++i)
    scenario.records.push_back(draws.chance(600) ? RecordType::poem
                                                 : static_cast<RecordType>(draws.below(3)));
  base::Duration last{};
  const auto people = draws.between(std::uint64_t{1}, 3);
  for (std::uint64_t i = 0; i < people; ++i) {
    std::vector<Press> presses;
    base::Duration at{};
    const auto count = draws.between(std::uint64_t{1}, 3);
    for (std::uint64_t k = 0; k < count; ++k, at += draws.between(0ms, 700ms)) {
      const bool asks = k == 0 || draws.chance(400);
      presses.push_back(
          {at, asks ? Action::request : static_cast<Action>(draws.below(8)), draws.below(records)});
    }
    scenario.people.push_back(presses);
    last = std::max(last, at);
  }
  constexpr std::array<std::uint64_t, 8> workers{1, 2, 2, 2, 3, 3, 4, 5};
  if (draws.chance(50)) {  // one record's history
    scenario.records = {RecordType::collection};
    scenario.people = {{}};
    for (last = 0ms; last < 3s; last += 600ms)
      scenario.people.front().push_back({last, Action::request, 0});
  }
  scenario.workers = workers[draws.below(workers.size())];
  scenario.worker = {.lease = draws.between(150ms, 600ms),
                     .interval = draws.between(20ms, 120ms),
                     .retry_delay = draws.between(10ms, 200ms),
                     .follow = draws.between(100ms, 600ms),
                     .attempts = draws.between(std::uint64_t{1}, 5),
                     .threads = scenario.workers < 3 && draws.chance(300) ? 2U : 1U,
                     .records = draws.between(std::uint64_t{1}, 12),
                     .keep = {.jobs = draws.between(std::uint64_t{1}, 3), .days = 0},
                     .hears_news = draws.chance(250)};
  scenario.servers = {.lines = draws.between(std::uint64_t{0}, 5),
                      .poems = draws.between(std::uint64_t{1}, 3),
                      .gap = draws.between(0ms, 120ms),
                      .failing_per_mille = draws.chance(300) ? 300U : 0U,
                      .in_pieces = draws.chance(500),
                      .unfinished = draws.chance(300)};
  constexpr std::array<std::uint64_t, 6> rates{0, 2, 5, 10, 20, 50};
  scenario.faults = {.per_mille = rates[draws.below(rates.size())],
                     .until = base::TimePoint(1h) + last + draws.between(0ms, 2s),
                     .step = draws.between(0ms, 8ms)};
  scenario.restart = draws.between(0ms, 1s);
  scenario.is_watched = draws.chance(300);
  return scenario;
}

}  // namespace poetry::sync::simulation
