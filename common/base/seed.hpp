// Reproducible randomness: every choice follows from a seed and what it is about, so that the same
// seed gives the same choices in whatever order and process they are made.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace poetry::base {

/// One well-mixed number for a seed and a position: SplitMix64's output function (Steele, Lea and
/// Flood, "Fast Splittable Pseudorandom Number Generators", 2014) at `position` steps from `seed`.
constexpr std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t position) {
  std::uint64_t z = seed + (position + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

/// For a run that is given none; short enough to be typed again.
inline std::uint64_t seed_from_clock() {
  return static_cast<std::uint32_t>(Clock::now().time_since_epoch().count());
}

/// What a connection's seed is used for.
enum class Purpose : std::uint64_t { faults, jitter, text };

/// The seed of one purpose, so that its draws tell nothing about those of another.
constexpr std::uint64_t derive_seed(std::uint64_t seed, Purpose purpose) {
  return derive_seed(seed, static_cast<std::uint64_t>(purpose));
}

/// A number in [0, 1) for a seed and a position, uniform.
constexpr double uniform(std::uint64_t seed, std::uint64_t position) {
  return static_cast<double>(derive_seed(seed, position) >> 11U) * 0x1p-53;
}

}  // namespace poetry::base
