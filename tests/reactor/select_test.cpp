#include "reactor/select.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/select.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/fd.hpp"
#include "net/descriptor_limit.hpp"

namespace poetry {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reading = Fd(ends[0]);
    writing = Fd(ends[1]);
  }
  Fd reading;
  Fd writing;
};

std::vector<Ready> ready_now(Multiplexer& multiplexer) {
  const auto ready = multiplexer.wait(Duration::zero());
  return {ready.begin(), ready.end()};
}

TEST(Select, ReportsWhatIsAskedAndReady) {
  Select select;
  const Pipe pipe;
  select.set(pipe.reading.get(), Interest::read);
  EXPECT_TRUE(ready_now(select).empty());
  select.set(pipe.writing.get(), Interest::both);
  EXPECT_EQ(ready_now(select), (std::vector<Ready>{{pipe.writing.get(), Interest::write}}));
  select.set(pipe.writing.get(), Interest::none);
  ASSERT_EQ(::write(pipe.writing.get(), "x", 1), 1);
  const std::vector<Ready> expected{{pipe.reading.get(), Interest::read}};
  EXPECT_EQ(ready_now(select), expected);
  EXPECT_EQ(ready_now(select), expected) << "level-triggered";
  select.set(pipe.reading.get(), Interest::none);
  EXPECT_TRUE(ready_now(select).empty());
}

TEST(Select, HasNoCeilingAtFdSetsize) {
  constexpr int high = 2 * FD_SETSIZE;
  if (raise_descriptor_limit() < high + 100) GTEST_SKIP() << "too few descriptors";
  Select select;
  const Pipe pipe;
  const Fd reading(::fcntl(pipe.reading.get(), F_DUPFD_CLOEXEC, high));
  ASSERT_GE(reading.get(), high);
  select.set(reading.get(), Interest::read);
  select.set(pipe.reading.get(), Interest::read);
  EXPECT_TRUE(ready_now(select).empty());
  ASSERT_EQ(::write(pipe.writing.get(), "x", 1), 1);
  EXPECT_EQ(ready_now(select), (std::vector<Ready>{{pipe.reading.get(), Interest::read},
                                                   {reading.get(), Interest::read}}));
}

TEST(Select, NeverReturnsEarlyForTime) {
  Select select;
  constexpr auto timeout = std::chrono::nanoseconds(1'000'001);
  const TimePoint start = Clock::now();
  EXPECT_TRUE(select.wait(timeout).empty());
  EXPECT_GE(Clock::now() - start, timeout);
}

}  // namespace
}  // namespace poetry
