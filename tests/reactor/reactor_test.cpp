#include "reactor/reactor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>

#include "base/fd.hpp"

namespace poetry {
namespace {

/// A multiplexer without descriptors: reports what the test says, and lets time pass.
class FakeMultiplexer : public Multiplexer {
 public:
  void set(int fd, Interest interest) override { interests[fd] = interest; }
  std::span<const Ready> wait(Duration timeout) override {
    timeouts.push_back(timeout);
    if (next.empty() && timeout != forever) now += timeout;
    current = std::exchange(next, {});
    return current;
  }

  TimePoint now{};
  std::map<int, Interest> interests;
  std::vector<Duration> timeouts;
  std::vector<Ready> next;
  std::vector<Ready> current;
};

class ReactorTest : public ::testing::Test {
 protected:
  FakeMultiplexer multiplexer_;
  Reactor reactor_{multiplexer_, [this] { return multiplexer_.now; }};
  std::string calls_;
};

TEST_F(ReactorTest, CallsHandlersOfWhatIsReady) {
  reactor_.watch(3, Interest::read, [&](Interest what) {
    EXPECT_EQ(what, Interest::read);
    calls_ += "3";
  });
  reactor_.watch(4, Interest::both, [&](Interest) { calls_ += "4"; });
  multiplexer_.next = {{3, Interest::read}};
  reactor_.run(1);
  multiplexer_.next = {{3, Interest::read}, {4, Interest::write}};
  reactor_.run(1);
  EXPECT_EQ(calls_, "334");
  EXPECT_EQ(reactor_.wakeups(), 2U);
  EXPECT_EQ(multiplexer_.timeouts.front(), forever);
}

TEST_F(ReactorTest, CallsNoHandlerAfterItsUnwatchInTheSameTurn) {
  reactor_.watch(3, Interest::read, [&](Interest) {
    calls_ += "3";
    reactor_.unwatch(4);
    reactor_.unwatch(3);  // its own
  });
  reactor_.watch(4, Interest::read, [&](Interest) { calls_ += "4"; });
  multiplexer_.next = {{3, Interest::read}, {4, Interest::read}};
  reactor_.run(1);
  EXPECT_EQ(calls_, "3");
  EXPECT_EQ(multiplexer_.interests.at(4), Interest::none);
}

TEST_F(ReactorTest, DoesNotTakeAReusedNumberForTheOldDescriptor) {
  reactor_.watch(3, Interest::read, [&](Interest) {
    reactor_.unwatch(4);
    reactor_.watch(4, Interest::read, [&](Interest) { calls_ += "new"; });
  });
  reactor_.watch(4, Interest::read, [&](Interest) { calls_ += "old"; });
  multiplexer_.next = {{3, Interest::read}, {4, Interest::read}};
  reactor_.run(1);
  EXPECT_EQ(calls_, "");
  multiplexer_.next = {{4, Interest::read}};
  reactor_.run(1);
  EXPECT_EQ(calls_, "new");
}

TEST_F(ReactorTest, CallsAlarmsInTimeAndNeverEarly) {
  Alarm second([&] { calls_ += "b"; });
  Alarm first([&] { calls_ += "a"; });
  Alarm gone([&] { calls_ += "x"; });
  reactor_.call_later(second, TimePoint(std::chrono::seconds(2)));
  reactor_.call_later(first, TimePoint(std::chrono::seconds(1)));
  reactor_.call_later(gone, TimePoint(std::chrono::seconds(1)));
  reactor_.cancel(gone);
  reactor_.run();
  EXPECT_EQ(calls_, "ab");
  EXPECT_EQ(reactor_.now(), TimePoint(std::chrono::seconds(2)));
  EXPECT_EQ(multiplexer_.timeouts,
            (std::vector<Duration>{std::chrono::seconds(1), std::chrono::seconds(1)}));
}

TEST_F(ReactorTest, AnAlarmThatSetsItselfAgainStarvesNobody) {
  Alarm again([&] {
    calls_ += "a";
    reactor_.call_later(again, reactor_.now());
  });
  reactor_.call_later(again, reactor_.now());
  reactor_.run(3);
  EXPECT_EQ(calls_, "aaa");
  reactor_.cancel(again);
}

TEST_F(ReactorTest, StopEndsTheRun) {
  Alarm first([&] { reactor_.stop(); });
  Alarm second([&] { calls_ += "b"; });
  reactor_.call_later(first, TimePoint(std::chrono::seconds(1)));
  reactor_.call_later(second, TimePoint(std::chrono::seconds(2)));
  reactor_.run();
  EXPECT_EQ(calls_, "");
  reactor_.run();
  EXPECT_EQ(calls_, "b");
}

}  // namespace
}  // namespace poetry
