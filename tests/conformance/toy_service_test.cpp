#include "conformance/toy_service.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/epoch.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

class CountdownTest : public testing::Test {
 protected:
  void expect_write(TimePoint now, const std::string& bytes) {
    const auto step = session_->next(now);
    ASSERT_TRUE(std::holds_alternative<Write>(step));
    EXPECT_EQ(std::get<Write>(step).bytes, bytes);
  }
  void expect_listen(TimePoint now, TimePoint until) {
    const auto step = session_->next(now);
    ASSERT_TRUE(std::holds_alternative<Listen>(step));
    EXPECT_EQ(std::get<Listen>(step).until, until);
  }
  bool finishes(TimePoint now) { return std::holds_alternative<Finish>(session_->next(now)); }

  Countdown service_{1s};
  std::unique_ptr<Session> session_ = service_.open({}, epoch);
};

TEST_F(CountdownTest, CountsANumberATickFromEachLineInTurn) {
  expect_listen(epoch, never);
  session_->receive("1\n");
  expect_write(epoch + 5s, "1\n");
  session_->receive("0\n");
  expect_listen(epoch + 5s, epoch + 6s);
  expect_write(epoch + 6s, "0\n");
  session_->receive({});
  EXPECT_TRUE(std::holds_alternative<Pause>(session_->next(epoch + 6s)));
  expect_write(epoch + 7s, "0\n");
  EXPECT_TRUE(finishes(epoch + 7s));
}

TEST_F(CountdownTest, ALateNumberMakesTheNextOnesNoLater) {
  session_->receive("2\n");
  expect_write(epoch, "2\n");
  expect_write(epoch + 1900ms, "1\n");
  expect_listen(epoch + 1900ms, epoch + 2s);
}

TEST_F(CountdownTest, HearsNoMoreWithSixteenNumbersWaiting) {
  std::string lines;
  for (int i = 0; i < 17; ++i) lines += "9\n";
  session_->receive(lines);
  expect_write(epoch, "9\n");
  EXPECT_TRUE(std::holds_alternative<Pause>(session_->next(epoch)));
}

TEST_F(CountdownTest, DrainingCountsToTheEndAndFinishes) {
  session_->receive("0\n");
  service_.drain();
  expect_write(epoch, "0\n");
  EXPECT_TRUE(finishes(epoch));
}

}  // namespace
}  // namespace poetry
