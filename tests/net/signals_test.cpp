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

volatile std::sig_atomic_t acted = 0;

TEST(Signals, ThatNobodyHasTakenActOnceTheyMay) {
  std::signal(SIGUSR2, [](int) { acted = acted + 1; });
  Signals signals{SIGUSR2};
  std::raise(SIGUSR2);
  EXPECT_EQ(acted, 0);
  signals.let_act();
  EXPECT_EQ(acted, 1);
  std::raise(SIGUSR2);
  EXPECT_EQ(acted, 2);
  std::signal(SIGUSR2, SIG_DFL);
}

}  // namespace
}  // namespace poetry::net
