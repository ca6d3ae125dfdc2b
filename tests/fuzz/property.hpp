// What a fuzzer asks of a parser beside not crashing: a property that must hold.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace poetry::fuzz {

/// Ends the process, and so the fuzzer's run, where a property does not hold.
inline void must_hold(bool property, const char* what) {
  if (property) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace poetry::fuzz
