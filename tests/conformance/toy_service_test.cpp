#include "conformance/toy_service.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/epoch.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

class CountdownTest : public testing::Test {
 protected:
  void expect_write(base::TimePoint now, const std::string& bytes) {
    const auto step = session_->next(now);
    ASSERT_TRUE(std::holds_alternative<session::Write>(step));
    EXPECT_EQ(std::get<session::Write>(step).bytes, bytes);
  }
  void expect_listen(base::TimePoint now, base::TimePoint until) {
    const auto step = session_->next(now);
    ASSERT_TRUE(std::holds_alternative<session::Listen>(step));
    EXPECT_EQ(std::get<session::Listen>(step).until, until);
  }
  bool finishes(base::TimePoint now) {
    return std::holds_alternative<session::Finish>(session_->next(now));
  }

  Countdown service_{1s};
  std::unique_ptr<session::Session> session_ = service_.open({}, support::epoch);
};

TEST_F(CountdownTest, CountsANumberATickFromEachLineInTurn) {
  expect_listen(support::epoch, base::never);
  session_->receive("1\n");
  expect_write(support::epoch + 5s, "1\n");
  session_->receive("0\n");
  expect_listen(support::epoch + 5s, support::epoch + 6s);
  expect_write(support::epoch + 6s, "0\n");
  session_->receive({});
  EXPECT_TRUE(std::holds_alternative<session::Pause>(session_->next(support::epoch + 6s)));
  expect_write(support::epoch + 7s, "0\n");
  EXPECT_TRUE(finishes(support::epoch + 7s));
}

TEST_F(CountdownTest, ALateNumberMakesTheNextOnesNoLater) {
  session_->receive("2\n");
  expect_write(support::epoch, "2\n");
  expect_write(support::epoch + 1900ms, "1\n");
  expect_listen(support::epoch + 1900ms, support::epoch + 2s);
}

TEST_F(CountdownTest, HearsNoMoreWithSixteenNumbersWaiting) {
  std::string lines;
  for (int i = 0; i < 17; ++i) lines += "9\n";
  session_->receive(lines);
  expect_write(support::epoch, "9\n");
  EXPECT_TRUE(std::holds_alternative<session::Pause>(session_->next(support::epoch)));
}

TEST_F(CountdownTest, DrainingCountsToTheEndAndFinishes) {
  session_->receive("0\n");
  service_.drain();
  expect_write(support::epoch, "0\n");
  EXPECT_TRUE(finishes(support::epoch));
}

}  // namespace
}  // namespace poetry::conformance
