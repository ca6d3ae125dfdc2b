#include "bench/programs/drift.hpp"

#include <gtest/gtest.h>

namespace poetry::bench {
namespace {

/// A client whose line k is late by `offset + drift * k`.
Drift client(double offset, double drift, int lines) {
  Drift sums;
  for (int line = 1; line <= lines; ++line) sums.add(line, offset + drift * line);
  return sums;
}

TEST(BenchDrift, IsByHowMuchALineIsLaterThanTheOneBefore) {
  Slope slope;
  slope.add(client(5, 2, 10));
  EXPECT_NEAR(slope.over() / slope.under(), 2, 1e-9);
}

TEST(BenchDrift, DoesNotMistakeClientsThatAreLateAlwaysAlikeForDrift) {
  Slope slope;
  slope.add(client(100, 0, 3));
  slope.add(client(0, 0, 10));
  EXPECT_NEAR(slope.over() / slope.under(), 0, 1e-9);
}

TEST(BenchDrift, LearnsNothingFromAClientOfOneLine) {
  Slope slope;
  slope.add(client(7, 3, 1));
  EXPECT_EQ(slope.under(), 0);
}

}  // namespace
}  // namespace poetry::bench
