#include "reactor/event_loop.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/epoch.hpp"

namespace poetry::reactor {
namespace {

using namespace std::chrono_literals;

/// A multiplexer without descriptors: reports what the test says, and lets time pass.
class FakeMultiplexer : public Multiplexer {
 public:
  void set(int fd, Interest interest) override { interests[fd] = interest; }
  std::span<const Ready> wait(base::Duration timeout) override {
    timeouts.push_back(timeout);
    if (next.empty() && timeout != forever) now += timeout;
    current = std::exchange(next, {});
    return current;
  }
  void hand_over() override {
    if (handed_over) handed_over();
  }

  std::function<void()> handed_over;
  base::TimePoint now = support::epoch;
  std::map<int, Interest> interests;
  std::vector<base::Duration> timeouts;
  std::vector<Ready> next;
  std::vector<Ready> current;
};

class EventLoopTest : public ::testing::Test {
 protected:
  /// Notes its name, and that it was for a time, and does what the test wants.
  struct Noted : Waiter {
    Noted(std::string& notes, std::string its_name, std::function<void()> what = {})
        : calls(notes), name(std::move(its_name)), action(std::move(what)) {}
    void wake(Interest what) override {
      calls += name;
      woken_for = what;
      if (action) action();
    }
    std::string& calls;
    std::string name;
    std::function<void()> action;
    Interest woken_for = Interest::none;
  };

  void turn_with(std::vector<Ready> ready) {
    multiplexer_.next = std::move(ready);
    loop_.turn();
  }

  std::string calls_;
  FakeMultiplexer multiplexer_;
  EventLoop loop_{multiplexer_, 1ms, [this] { return multiplexer_.now; }};
};

TEST_F(EventLoopTest, WakesWhoeverWaitsForWhatIsReady) {
  Noted three(calls_, "3");
  Noted four(calls_, "4");
  loop_.watch(3, Interest::read, three);
  loop_.watch(4, Interest::read | Interest::write, four);
  turn_with({{3, Interest::read}});
  turn_with({{3, Interest::read}, {4, Interest::write}});
  EXPECT_EQ(calls_, "334");
  EXPECT_EQ(three.woken_for, Interest::read);
  EXPECT_EQ(four.woken_for, Interest::write);
  EXPECT_EQ(loop_.wakeups(), 2U);
  EXPECT_EQ(multiplexer_.timeouts.front(), forever);
}

TEST_F(EventLoopTest, WakesNobodyAfterForgetInTheSameTurn) {
  Noted four(calls_, "4");
  Noted three(calls_, "3", [&] {
    loop_.forget(4);
    loop_.forget(3);  // its own
  });
  loop_.watch(3, Interest::read, three);
  loop_.watch(4, Interest::read, four);
  turn_with({{3, Interest::read}, {4, Interest::read}});
  EXPECT_EQ(calls_, "3");
  EXPECT_EQ(multiplexer_.interests.at(4), Interest::none);
}

TEST_F(EventLoopTest, WakesNobodyAfterAWatchForNothingInTheSameTurn) {
  Noted four(calls_, "4");
  Noted three(calls_, "3", [&] { loop_.watch(4, Interest::none, four); });
  loop_.watch(3, Interest::read, three);
  loop_.watch(4, Interest::read, four);
  turn_with({{3, Interest::read}, {4, Interest::read}});
  EXPECT_EQ(calls_, "3");
}

TEST_F(EventLoopTest, DoesNotTakeAReusedNumberForTheOldDescriptor) {
  Noted renewed(calls_, "new");
  Noted old(calls_, "old");
  Noted three(calls_, "3", [&] {
    loop_.forget(4);
    loop_.watch(4, Interest::read, renewed);
    three.action = {};
  });
  loop_.watch(3, Interest::read, three);
  loop_.watch(4, Interest::read, old);
  turn_with({{3, Interest::read}, {4, Interest::read}});
  EXPECT_EQ(calls_, "3");
  turn_with({{4, Interest::read}});
  EXPECT_EQ(calls_, "3new");
}

TEST_F(EventLoopTest, TellsTheSameWaiterOfItsDescriptorAlsoWhereItHasJustChangedItsInterest) {
  Noted four(calls_, "4");
  Noted three(calls_, "3", [&] { loop_.watch(4, Interest::read | Interest::write, four); });
  loop_.watch(3, Interest::read, three);
  loop_.watch(4, Interest::read, four);
  turn_with({{3, Interest::read}, {4, Interest::read}});
  EXPECT_EQ(calls_, "34");
}

TEST_F(EventLoopTest, WakesInTimeAndNeverEarly) {
  Noted second(calls_, "b");
  Noted first(calls_, "a");
  Noted gone(calls_, "x");
  loop_.wake_at(second, support::epoch + 2ms);
  loop_.wake_at(first, support::epoch + 1ms);
  loop_.wake_at(gone, support::epoch + 1ms);
  loop_.wake_at(gone, base::never);
  loop_.turn();
  EXPECT_EQ(calls_, "a");
  EXPECT_EQ(first.woken_for, Interest::none);
  EXPECT_EQ(loop_.now(), support::epoch + 1ms);
  loop_.turn();
  EXPECT_EQ(calls_, "ab");
  EXPECT_EQ(loop_.now(), support::epoch + 2ms);
  EXPECT_EQ(multiplexer_.timeouts, (std::vector<base::Duration>{1ms, 1ms}));
}

TEST_F(EventLoopTest, TellsOfDescriptorsBeforeTimesOfTheSameTurn) {
  Noted late(calls_, "t");
  Noted three(calls_, "3");
  loop_.wake_at(late, support::epoch);
  loop_.watch(3, Interest::read, three);
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "3t");
}

TEST_F(EventLoopTest, LooksForDescriptorsAgainBeforeATimeThatCameDuringTheTurn) {
  Noted late(calls_, "t");
  Noted three(calls_, "3", [&] { multiplexer_.now += 1h; });
  loop_.wake_at(late, support::epoch + 1s);
  loop_.watch(3, Interest::read, three);
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "3");
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "33t");
}

TEST_F(EventLoopTest, LooksAgainAlsoBeforeATimeThatCameWhileOtherOperationsWereHandedOver) {
  Noted late(calls_, "t");
  Noted three(calls_, "3");
  multiplexer_.handed_over = [&] {
    calls_ += "o";
    multiplexer_.now += 1h;
  };
  loop_.wake_at(late, support::epoch + 1s);
  loop_.watch(3, Interest::read, three);
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "o3");
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "o3o3t");
}

TEST_F(EventLoopTest, OneThatAsksForTheNextTurnEachTimeStarvesNobody) {
  Noted again(calls_, "a", [&] { loop_.wake_next(again); });
  Noted three(calls_, "3");
  loop_.wake_next(again);
  loop_.watch(3, Interest::read, three);
  for (int i = 0; i < 3; ++i) turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "3a3a3a");
  EXPECT_EQ(multiplexer_.timeouts, (std::vector<base::Duration>{0ms, 0ms, 0ms}));
  loop_.wake_at(again, base::never);
}

TEST_F(EventLoopTest, OneWaiterMayWaitForADescriptorAndATime) {
  Noted both(calls_, "x");
  loop_.watch(3, Interest::read, both);
  loop_.wake_at(both, support::epoch);
  turn_with({{3, Interest::read}});
  EXPECT_EQ(calls_, "xx");
  EXPECT_EQ(both.woken_for, Interest::none);
}

}  // namespace
}  // namespace poetry::reactor
