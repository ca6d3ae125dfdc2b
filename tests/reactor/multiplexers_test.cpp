// What every multiplexer of ours must do, over pipes. A new one joins by its line in `kinds`.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/select.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "net/limits.hpp"
#include "reactor/multiplexer.hpp"

namespace poetry::reactor {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reading = base::Fd(ends[0]);
    writing = base::Fd(ends[1]);
  }
  void fill() const { EXPECT_EQ(::write(writing.get(), "x", 1), 1); }
  base::Fd reading;
  base::Fd writing;
};

struct MultiplexerKind {
  std::string name;
  std::unique_ptr<Multiplexer> (*make)();
};

const std::vector<MultiplexerKind> kinds{
    {"Select", make_select},
    {"Poll", make_poll},
    {"Epoll", make_epoll},
};

class EveryMultiplexer : public testing::TestWithParam<MultiplexerKind> {
 protected:
  void set(const base::Fd& fd, Interest interest) { multiplexer_->set(fd.get(), interest); }
  /// In the order of the descriptors, in which they need not be reported.
  std::vector<Ready> ready_now() {
    const auto ready = multiplexer_->wait(base::Duration::zero());
    std::vector<Ready> sorted(ready.begin(), ready.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const Ready& one, const Ready& other) { return one.fd < other.fd; });
    return sorted;
  }

  std::unique_ptr<Multiplexer> multiplexer_ = GetParam().make();
};

TEST_P(EveryMultiplexer, ForgetsADescriptorWhoseNumberAnotherTakesOver) {
  Pipe pipe;
  pipe.fill();
  const int number = pipe.reading.get();
  set(pipe.reading, Interest::read);
  multiplexer_->forget(number);
  pipe.reading.reset();
  const Pipe other;
  ASSERT_EQ(other.reading.get(), number);
  EXPECT_EQ(ready_now(), std::vector<Ready>{});
  set(other.reading, Interest::read);
  EXPECT_EQ(ready_now(), std::vector<Ready>{});
  other.fill();
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{number, Interest::read}}));
}

TEST_P(EveryMultiplexer, ReportsWhatIsAskedAndReady) {
  const Pipe pipe;
  set(pipe.reading, Interest::read);
  EXPECT_TRUE(ready_now().empty());
  set(pipe.writing, Interest::read | Interest::write);
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{pipe.writing.get(), Interest::write}}));
  set(pipe.writing, Interest::none);
  pipe.fill();
  const std::vector<Ready> expected{{pipe.reading.get(), Interest::read}};
  EXPECT_EQ(ready_now(), expected);
  EXPECT_EQ(ready_now(), expected) << "level-triggered";
  set(pipe.reading, Interest::none);
  EXPECT_TRUE(ready_now().empty());
}

TEST_P(EveryMultiplexer, ForgetsOneOfManyAndKeepsTheOthers) {
  const std::array<Pipe, 4> pipes;
  for (const auto& pipe : pipes) {
    pipe.fill();
    set(pipe.reading, Interest::read);
  }
  set(pipes[1].reading, Interest::none);
  set(pipes[1].reading, Interest::none);  // which changes nothing
  set(pipes[3].reading, Interest::none);
  const std::vector<Ready> two{{pipes[0].reading.get(), Interest::read},
                               {pipes[2].reading.get(), Interest::read}};
  EXPECT_EQ(ready_now(), two);
  set(pipes[0].reading, Interest::none);
  set(pipes[3].reading, Interest::read);
  const std::vector<Ready> others{{pipes[2].reading.get(), Interest::read},
                                  {pipes[3].reading.get(), Interest::read}};
  EXPECT_EQ(ready_now(), others);
}

TEST_P(EveryMultiplexer, TakesADescriptorsNumberAgainOnceItWasForgotten) {
  int number = -1;
  {
    const Pipe first;
    number = first.reading.get();
    set(first.reading, Interest::read);
    set(first.reading, Interest::none);
  }
  const Pipe second;
  ASSERT_EQ(second.reading.get(), number);
  second.fill();
  set(second.reading, Interest::read);
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{number, Interest::read}}));
}

TEST_P(EveryMultiplexer, TheLastInterestCounts) {
  const Pipe pipe;
  set(pipe.writing, Interest::write);
  set(pipe.writing, Interest::read);
  EXPECT_TRUE(ready_now().empty());
  set(pipe.writing, Interest::read | Interest::write);
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{pipe.writing.get(), Interest::write}}));
}

TEST_P(EveryMultiplexer, AHangUpIsReadyForWhatWasAsked) {
  Pipe gone;
  gone.writing.reset();
  set(gone.reading, Interest::read);
  Pipe broken;
  broken.reading.reset();
  set(broken.writing, Interest::write);
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{gone.reading.get(), Interest::read},
                                             {broken.writing.get(), Interest::write}}));
}

TEST_P(EveryMultiplexer, HasNoCeilingAtFdSetsize) {
  constexpr int high = 2 * FD_SETSIZE;
  if (net::raise_descriptor_limit() < high + 100) GTEST_SKIP() << "too few descriptors";
  const Pipe pipe;
  const base::Fd reading(::fcntl(pipe.reading.get(), F_DUPFD_CLOEXEC, high));
  ASSERT_GE(reading.get(), high);
  set(reading, Interest::read);
  set(pipe.reading, Interest::read);
  EXPECT_TRUE(ready_now().empty());
  pipe.fill();
  EXPECT_EQ(ready_now(), (std::vector<Ready>{{pipe.reading.get(), Interest::read},
                                             {reading.get(), Interest::read}}));
  set(reading, Interest::none);
}

TEST_P(EveryMultiplexer, ReportsMoreThanOneWaitHolds) {
  constexpr std::size_t many = 600;
  if (net::raise_descriptor_limit() < 2 * many + 100) GTEST_SKIP() << "too few descriptors";
  const std::vector<Pipe> pipes(many);
  for (const auto& pipe : pipes) {
    pipe.fill();
    set(pipe.reading, Interest::read);
  }
  std::vector<bool> seen(many * 4);
  for (int waits = 0; waits < 3; ++waits) {
    for (const auto& ready : ready_now()) {
      const auto index = static_cast<std::size_t>(ready.fd);
      if (index >= seen.size()) seen.resize(index + 1);
      seen[index] = true;
    }
  }
  for (const auto& pipe : pipes) {
    EXPECT_TRUE(seen[static_cast<std::size_t>(pipe.reading.get())]) << pipe.reading.get();
  }
}

TEST_P(EveryMultiplexer, NeverReturnsEarlyForTime) {
  constexpr auto timeout = std::chrono::nanoseconds(1'000'001);
  const base::TimePoint start = base::Clock::now();
  EXPECT_TRUE(multiplexer_->wait(timeout).empty());
  EXPECT_GE(base::Clock::now() - start, timeout);
}

TEST_P(EveryMultiplexer, ATimeThatHasPassedIsNoWait) {
  EXPECT_TRUE(multiplexer_->wait(-std::chrono::hours(1)).empty());
}

INSTANTIATE_TEST_SUITE_P(Multiplexers, EveryMultiplexer, testing::ValuesIn(kinds),
                         [](const auto& at) { return at.param.name; });

TEST(Spin, SaysThatAllIsReadyAndNeverWaits) {
  const auto spin = make_spin();
  const Pipe pipe;
  spin->set(pipe.reading.get(), Interest::read);
  spin->set(pipe.writing.get(), Interest::read | Interest::write);
  const auto ready = spin->wait(forever);
  const std::vector<Ready> expected{{pipe.reading.get(), Interest::read},
                                    {pipe.writing.get(), Interest::read},
                                    {pipe.writing.get(), Interest::write}};
  EXPECT_EQ(std::vector(ready.begin(), ready.end()), expected);
  spin->forget(pipe.reading.get());
  spin->set(pipe.writing.get(), Interest::none);
  EXPECT_TRUE(spin->wait(forever).empty());
}

}  // namespace
}  // namespace poetry::reactor
