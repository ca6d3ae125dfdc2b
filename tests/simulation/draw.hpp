// Random choices of a simulated world: all follow from its seed, in the order in which they are
// made. Owned by whoever draws.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "base/seed.hpp"

namespace poetry::simulation {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t number() { return base::derive_seed(seed_, drawn_++); }
  /// From 0 to less than `count`, which is more than 0.
  std::uint64_t below(std::uint64_t count) { return number() % count; }
  /// From `least` to `most`.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  /// Whether one of so many.
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  template <typename Value>
  Value of(std::initializer_list<Value> values) {
    return values.begin()[below(values.size())];
  }
  /// Up to `longest`, small ones as likely as large ones: none in one of eight.
  base::Duration duration(base::Duration longest) {
    if (one_in(8)) return {};
    auto most = static_cast<std::uint64_t>(longest.count());
    for (auto halvings = below(12); halvings > 0 && most > 1; --halvings) most /= 2;
    return base::Duration(static_cast<base::Duration::rep>(below(most + 1)));
  }

 private:
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

}  // namespace poetry::simulation
