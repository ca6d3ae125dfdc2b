// Runs worlds of the network, each from a seed of its own: for so many seconds on all processors,
// or one by its seed, which is then described. Seeds that ever failed come first.
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <thread>

#include "simulation/network_world.hpp"

namespace poetry::simulation {
namespace {

/// Of one process, in memory that it shares with its parent.
struct Report {
  Tally tally;
  std::uint64_t failures = 0;
};

/// Whether nothing is wrong.
bool run_seed(std::uint64_t seed, Report& report) {
  NetworkWorld world(seed);
  const auto wrong = world.run(report.tally);
  if (wrong.empty()) return true;
  ++report.failures;
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
  std::fflush(stdout);
  return false;
}

int replay(std::uint64_t seed) {
  Report report;
  NetworkWorld world(seed);
  const auto wrong = world.run(report.tally);
  std::printf("seed %llu: %s\n%s\ntrace %016llx\n", static_cast<unsigned long long>(seed),
              wrong.empty() ? "nothing is wrong" : wrong.c_str(), world.description().c_str(),
              static_cast<unsigned long long>(world.trace()));
  return wrong.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// In a process of its own, until the time is over or something is wrong.
void work(std::uint64_t seed, std::chrono::steady_clock::time_point until, Report& report) {
  while (std::chrono::steady_clock::now() < until && report.failures == 0) run_seed(seed++, report);
}

void print(const Tally& tally, double length) {
  std::printf("%llu worlds, %llu turns of threads, %llu fetches in %.1f s, %.0f fetches a minute\n",
              static_cast<unsigned long long>(tally.worlds),
              static_cast<unsigned long long>(tally.turns),
              static_cast<unsigned long long>(tally.fetches), length,
              static_cast<double>(tally.fetches) / length * 60);
  for (std::size_t i = 0; i < tally.outcomes.size(); ++i) {
    const auto name = fetch::outcome_names[i];
    std::printf("  %-16.*s%llu\n", static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(tally.outcomes[i]));
  }
}

int run_for(double length, std::uint64_t seed, const char* kept_seeds) {
  Report first;
  std::ifstream kept(kept_seeds);
  for (std::uint64_t each = 0; kept >> each;) run_seed(each, first);
  if (first.failures > 0) return EXIT_FAILURE;
  const auto processes = std::max(1U, std::thread::hardware_concurrency());
  auto* const reports =
      static_cast<Report*>(::mmap(nullptr, processes * sizeof(Report), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::printf("from seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  const auto begin = std::chrono::steady_clock::now();
  const auto until = begin + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::duration<double>(length));
  for (unsigned i = 0; i < processes; ++i) {
    new (reports + i) Report;
    if (::fork() != 0) continue;
    work(seed + (std::uint64_t{i} << 40U), until, reports[i]);
    std::_Exit(reports[i].failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS);
  }
  int result = EXIT_SUCCESS;
  for (int status = 0; ::wait(&status) > 0;) {
    if (status != 0) result = EXIT_FAILURE;
    if (WIFSIGNALED(status)) std::printf("a process ended by signal %d\n", WTERMSIG(status));
  }
  Tally sum = first.tally;
  for (unsigned i = 0; i < processes; ++i) {
    sum.worlds += reports[i].tally.worlds;
    sum.fetches += reports[i].tally.fetches;
    sum.turns += reports[i].tally.turns;
    for (std::size_t outcome = 0; outcome < sum.outcomes.size(); ++outcome)
      sum.outcomes[outcome] += reports[i].tally.outcomes[outcome];
  }
  print(sum, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace
}  // namespace poetry::simulation

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);
  const std::string what = argc > 1 ? argv[1] : "--seconds";
  const std::string value = argc > 2 ? argv[2] : "10";
  const std::string kept = argc > 3 ? argv[3] : "";
  if (what == "--seed") return poetry::simulation::replay(std::stoull(value));
  if (what == "--seconds") {
    return poetry::simulation::run_for(
        std::stod(value), (std::uint64_t{1} << 32U) + std::random_device()(), kept.c_str());
  }
  std::fputs("usage: simulate-network --seconds SECONDS [FILE of seeds] | --seed SEED\n", stderr);
  return 2;
}
