#include "conformance/toy_service.hpp"

#include <gtest/gtest.h>

#include <string>

namespace poetry {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{std::chrono::hours(5)};

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
  std::unique_ptr<Session> session_ = service_.open({}, start);
};

TEST_F(CountdownTest, CountsANumberATickFromEachLineInTurn) {
  expect_listen(start, never);
  session_->receive("1\n");
  expect_write(start + 5s, "1\n");
  session_->receive("0\n");
  expect_listen(start + 5s, start + 6s);
  expect_write(start + 6s, "0\n");
  session_->receive({});
  EXPECT_TRUE(std::holds_alternative<Pause>(session_->next(start + 6s)));
  expect_write(start + 7s, "0\n");
  EXPECT_TRUE(finishes(start + 7s));
}

TEST_F(CountdownTest, ALateNumberMakesTheNextOnesNoLater) {
  session_->receive("2\n");
  expect_write(start, "2\n");
  expect_write(start + 1900ms, "1\n");
  expect_listen(start + 1900ms, start + 2s);
}

TEST_F(CountdownTest, HearsNoMoreWithSixteenNumbersWaiting) {
  std::string lines;
  for (int i = 0; i < 17; ++i) lines += "9\n";
  session_->receive(lines);
  expect_write(start, "9\n");
  EXPECT_TRUE(std::holds_alternative<Pause>(session_->next(start)));
}

TEST_F(CountdownTest, DrainingCountsToTheEndAndFinishes) {
  session_->receive("0\n");
  service_.drain();
  expect_write(start, "0\n");
  EXPECT_TRUE(finishes(start));
}

}  // namespace
}  // namespace poetry
