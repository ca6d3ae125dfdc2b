#include "base/shared_memory.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

namespace poetry::base {
namespace {

TEST(SharedMemory, IsTheSameInAProcessThatIsForkedOff) {
  const auto number = make_shared_memory<std::atomic<int>>();
  EXPECT_EQ(*number, 0);
  const auto child = ::fork();
  if (child == 0) {
    *number = 7;
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(*number, 7);
}

TEST(SharedMemory, OfSeveralObjectsOneKeepsTheWhole) {
  auto numbers = make_shared_memory<std::atomic<int>>(5000);
  ASSERT_EQ(numbers.size(), 5000U);
  for (int i = 0; i < 5000; ++i) *numbers[static_cast<std::size_t>(i)] = i;
  const auto last = numbers.back();
  numbers.clear();
  EXPECT_EQ(*last, 4999);
}

}  // namespace
}  // namespace poetry::base
