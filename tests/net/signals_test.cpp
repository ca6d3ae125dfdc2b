#include "net/signals.hpp"

#include <gtest/gtest.h>

namespace poetry::net {
namespace {

TEST(Signals, AreTakenOneByOne) {
  Signals signals{SIGUSR2};
  EXPECT_EQ(signals.take(), std::nullopt);
  std::raise(SIGUSR2);
  EXPECT_EQ(signals.take(), SIGUSR2);
  EXPECT_EQ(signals.take(), std::nullopt);
}

TEST(Signals, ThatNobodyTakesDoNotEndTheProcess) {
  const Signals signals{SIGUSR2};
  std::raise(SIGUSR2);  // whose action, once it is not blocked any more, is to terminate
}

}  // namespace
}  // namespace poetry::net
