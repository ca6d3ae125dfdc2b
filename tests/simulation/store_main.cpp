// simulate-store: runs poetry-sync's store and worker in a world of faults. Kept seeds first, then
// every short scenario with a fault, and with two, at each point, then drawn runs. The first that
// violates an invariant ends it with status 1 and a line that --seed takes.
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "simulation/store_run.hpp"

namespace poetry::sync::simulation {
namespace {

constexpr std::string_view usage =
    "usage: simulate-store [--seconds N] [--runs N] [--seed SEED] [--base SEED] [--faults 0|1|2]\n"
    "                      [--database URL]\n"
    "       simulate-store --mistakes FILE [--runs N] [--base SEED] [--database URL]\n";

struct Options {
  std::optional<std::uint64_t> seconds;  ///< in all; without it, all that is exhaustive is run
  std::optional<std::uint64_t> runs;     ///< drawn ones
  std::string seed;                      ///< of the one run to do
  std::string mistakes;                  ///< a file of those to find
  std::string database;                  ///< of PostgreSQL; SQLite without it
  std::uint64_t base = base::seed_from_clock();
  std::uint64_t faults = 2;  ///< at most, where they are placed
};

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::runtime_error("not a number: " + std::string(text));
  return number;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto& value = words[i + 1];
    if (words[i] == "--seconds")
      options.seconds = number_in(value);
    else if (words[i] == "--runs")
      options.runs = number_in(value);
    else if (words[i] == "--seed")
      options.seed = value;
    else if (words[i] == "--mistakes")
      options.mistakes = value;
    else if (words[i] == "--database")
      options.database = value;
    else if (words[i] == "--base")
      options.base = number_in(value);
    else if (words[i] == "--faults")
      options.faults = number_in(value);
    else
      throw std::runtime_error("unknown option: " + words[i]);
  }
  if (words.size() % 2 != 0) throw std::runtime_error(std::string(usage));
  return options;
}

/// "poem/12=die/40=stall".
std::string seed_of(const Scenario& scenario, const Placed& faults) {
  auto text = scenario.name;
  for (const auto& [point, fault] : faults)
    text += fmt::format("/{}={}", point, fault_names.at(static_cast<std::size_t>(fault)));
  return text;
}

class Simulation {
 public:
  explicit Simulation(const Options& options, Mistake mistake = {})
      : options_(options),
        mistake_(std::move(mistake)),
        began_(base::Clock::now()),
        disk_(options.database.empty() ? make_file(mistake_)
                                       : make_schema(options.database, mistake_)) {}

  /// Whether every invariant held.
  bool run() {
    const bool held = options_.seed.empty()
                          ? (!mistake_.name.empty() || run_kept()) && run_placed() && run_drawn()
                          : run_seed(options_.seed);
    const auto seconds = base::seconds(base::Clock::now() - began_);
    if (held && mistake_.name.empty())
      fmt::print(
          "store: {} runs in {:.1f} s ({:.0f} a second), {} commits, {} jobs: every invariant "
          "held\n",
          runs_, seconds, static_cast<double>(runs_) / std::max(seconds, 0.001), commits_, jobs_);
    return held;
  }

 private:
  [[nodiscard]] bool is_late(double part) const {
    return options_.seconds && base::seconds(base::Clock::now() - began_) >
                                   static_cast<double>(*options_.seconds) * part;
  }

  Outcome count(Outcome outcome, const std::string& seed) {
    ++runs_;
    commits_ += outcome.commits;
    jobs_ += outcome.jobs;
    if (!outcome.failure.empty())
      fmt::print("store: {}{}--seed {}: {} (run {}, {:.1f} s)\n", mistake_.name,
                 mistake_.name.empty() ? "" : ": found by ", seed, outcome.failure, runs_,
                 base::seconds(base::Clock::now() - began_));
    return outcome;
  }

  Outcome run_placed(const Scenario& scenario, const Placed& faults) {
    auto with_faults = scenario;
    with_faults.faults.placed = faults;
    return count(simulation::run(*disk_, with_faults, nullptr), seed_of(scenario, faults));
  }

  bool run_number(std::uint64_t seed) {
    Draws draws(seed);
    const auto scenario = drawn_scenario(draws);
    return count(simulation::run(*disk_, scenario, &draws), std::to_string(seed)).failure.empty();
  }

  bool run_seed(const std::string& seed) {
    if (seed.find_first_not_of("0123456789") == std::string::npos)
      return run_number(number_in(seed));
    const auto name = seed.substr(0, seed.find('/'));
    Placed faults;
    for (auto at = seed.find('/'); at != std::string::npos; at = seed.find('/', at + 1)) {
      const auto equals = seed.find('=', at);
      const auto fault = seed.substr(equals + 1, seed.find('/', equals) - equals - 1);
      const auto found = std::ranges::find(fault_names, fault);
      if (equals == std::string::npos || found == fault_names.end())
        throw std::runtime_error("not a seed: " + seed);
      faults.emplace_back(number_in(seed.substr(at + 1, equals - at - 1)),
                          static_cast<Fault>(found - fault_names.begin()));
    }
    for (const auto& each : short_scenarios())
      if (each.name == name) return run_placed(each, faults).failure.empty();
    throw std::runtime_error("no scenario: " + name);
  }

  bool run_kept() {
    std::ifstream file(POETRY_STORE_SEEDS);
    std::uint64_t kept = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line.front() == '#') continue;
      ++kept;
      if (!run_seed(line.substr(0, line.find(' ')))) return false;
    }
    if (!file.eof()) throw std::runtime_error("cannot read " POETRY_STORE_SEEDS);
    fmt::print("store: {} kept seeds\n", kept);
    return true;
  }

  /// Each fault at each point, alone, then with a second one behind it.
  bool run_placed() {
    for (std::uint64_t faults = 0; faults <= options_.faults; ++faults) {
      for (const auto& scenario : short_scenarios()) {
        if (faults > scenario.most_faults) continue;
        const auto before = runs_;
        const auto began = base::Clock::now();
        if (!place(scenario, {}, faults)) return false;
        if (!mistake_.name.empty()) continue;
        fmt::print("store: {} with {} faults: {} runs in {:.1f} s{}\n", scenario.name, faults,
                   runs_ - before, base::seconds(base::Clock::now() - began),
                   is_late(placed_part) ? ", cut off" : "");
      }
    }
    return true;
  }

  bool place(const Scenario& scenario, const Placed& placed, std::uint64_t more) {
    const auto outcome = run_placed(scenario, placed);  // also to see what points there are
    if (!outcome.failure.empty()) return false;
    const auto first = placed.empty() ? 0 : placed.back().first + 1;
    for (std::uint64_t at = first; more > 0 && at < outcome.places.size(); ++at) {
      for (std::size_t fault = 0; fault < fault_names.size(); ++fault) {
        if (!is_possible(static_cast<Fault>(fault), outcome.places[at])) continue;
        if (is_late(placed_part)) return true;
        auto with_one = placed;
        with_one.emplace_back(at, static_cast<Fault>(fault));
        if (!place(scenario, with_one, more - 1)) return false;
      }
    }
    return true;
  }

  bool run_drawn() {
    const auto first = runs_;
    const auto began = base::Clock::now();
    if (mistake_.name.empty()) fmt::print("store: drawn runs from --base {}\n", options_.base);
    const auto most = options_.runs.value_or(options_.seconds ? UINT64_MAX : 20'000);
    for (std::uint64_t i = 0; i < most && !is_late(1); ++i) {
      if (!run_number(base::derive_seed(options_.base, i) % 1'000'000'000'000)) return false;
    }
    const auto seconds = base::seconds(base::Clock::now() - began);
    if (!mistake_.name.empty()) return true;
    fmt::print("store: {} drawn runs in {:.1f} s ({:.0f} a second)\n", runs_ - first, seconds,
               static_cast<double>(runs_ - first) / seconds);
    return true;
  }

  static constexpr double placed_part = 0.6;  // of the time, where that is bounded
  const Options options_;
  const Mistake mistake_;
  const base::TimePoint began_;
  const std::unique_ptr<Disk> disk_;
  std::uint64_t runs_ = 0;
  std::uint64_t commits_ = 0;
  std::size_t jobs_ = 0;
};

/// "NAME | OLD | NEW | SQL", of which the last two may be left out.
Mistake parse_mistake(const std::string& line) {
  std::array<std::string, 4> fields;
  std::size_t at = 0;
  for (auto& each : fields) {
    const auto end = std::min(line.find(" | ", at), line.size());
    if (at < line.size()) each = line.substr(at, end - at);
    at = end + 3;
  }
  return {fields[0], fields[1], fields[2], fields[3]};
}

/// Whether each was found, by one fault at a point or by a drawn run.
bool find_mistakes(Options options) {
  std::ifstream file(options.mistakes);
  if (!options.runs) options.runs = 5000;  // no seconds: what is found depends on no machine
  options.faults = 1;
  bool all = true;
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    ++count;
    const auto mistake = parse_mistake(line);
    if (!Simulation(options, mistake).run()) continue;
    fmt::print("store: {}: not found\n", mistake.name);
    all = false;
  }
  if (count == 0) throw std::runtime_error("no mistakes in " + options.mistakes);
  return all;
}

}  // namespace
}  // namespace poetry::sync::simulation

int main(int count, char** words) {
  using namespace poetry::sync::simulation;
  ::mallopt(M_TRIM_THRESHOLD, 256 << 20);  // what a run frees the next one takes
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  spdlog::set_level(spdlog::level::off);
  try {
    const auto options = parse({words + 1, words + count});
    const bool held = options.mistakes.empty() ? Simulation(options).run() : find_mistakes(options);
    return held ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "simulate-store: " << error.what() << '\n';
    return 2;
  }
}
