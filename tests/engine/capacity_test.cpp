#include "engine/engine.hpp"

#include <gtest/gtest.h>

namespace poetry::engine {
namespace {

TEST(Capacity, TakesOffWhatTheEngineOpensItself) {
  EXPECT_EQ(descriptor_capacity(3).connections + 3, descriptor_capacity().connections);
  EXPECT_LE(process_capacity(3).connections, descriptor_capacity(3).connections);
}

TEST(Capacity, EveryEngineNamesItsLimit) {
  for (const auto& name : engine_names()) {
    const auto capacity = make_engine(name).capacity();
    EXPECT_GT(capacity.connections, 0U) << name;
    EXPECT_FALSE(capacity.limit.empty()) << name;
  }
}

}  // namespace
}  // namespace poetry::engine
