#include "net/child.hpp"

#include <gtest/gtest.h>

namespace poetry::net {
namespace {

int status_of(const std::string& command) {
  sigset_t mask{};
  ::sigemptyset(&mask);
  return Child(command, {"POETRY_TEST=7"}, mask).wait();
}

TEST(Child, GivesTheShellsStatus) {
  EXPECT_EQ(status_of("exit 0"), 0);
  EXPECT_EQ(status_of("exit $POETRY_TEST"), 7);
  EXPECT_EQ(status_of("kill -TERM $$"), 128 + SIGTERM);
}

// As whoever started this process may have left it.
TEST(Child, IsOverWhereTheKernelKeepsNoStatus) {
  std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(status_of("exit 0"), 1);
  std::signal(SIGCHLD, SIG_DFL);
}

TEST(Child, IsKilledWithItsOwner) {
  sigset_t mask{};
  ::sigemptyset(&mask);
  const Child child("exec sleep 1d", {}, mask);  // the test ends at once all the same
}

}  // namespace
}  // namespace poetry::net
