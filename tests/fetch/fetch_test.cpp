#include "fetch/fetch.hpp"

#include <gtest/gtest.h>

namespace poetry {
namespace {

using std::chrono::seconds;

class FetchTest : public ::testing::Test {
 protected:
  Fetch& start(const std::string& host = "127.0.0.1") {
    return fetch_.emplace(HostPort{host, 10000}, options_, now_);
  }
  Fetch& connect() {
    start();
    fetch_->resolved(resolve_numeric(fetch_->where()), now_);
    fetch_->connected(now_);
    return *fetch_;
  }
  template <typename Kind>
  Kind next() {
    const Action action = fetch_->next();
    EXPECT_TRUE(std::holds_alternative<Kind>(action)) << action.index();
    return std::holds_alternative<Kind>(action) ? std::get<Kind>(action) : Kind{};
  }
  void pass_to(TimePoint at) {
    fetch_->expired(at - Duration(1));  // nothing expires early
    now_ = at;
    fetch_->expired(now_);
  }
  const Record& done() {
    next<Done>();
    return fetch_->record();
  }
  static std::error_code error(std::errc code) { return std::make_error_code(code); }

  FetchOptions options_;
  TimePoint now_{std::chrono::hours(1)};
  std::optional<Fetch> fetch_;
};

TEST_F(FetchTest, ReceivesToTheEnd) {
  connect();
  now_ += seconds(2);
  EXPECT_EQ(fetch_->received("one\ntw", now_), "one\ntw");
  EXPECT_EQ(fetch_->received("o\nthree", now_), "o\nthree");
  now_ += seconds(1);
  fetch_->stream_ended(now_);
  const Record& record = done();
  EXPECT_EQ(record.outcome, Outcome::ok);
  EXPECT_EQ(record.error, "");
  EXPECT_EQ(record.bytes, 13U);
  EXPECT_EQ(record.lines, 3U);
  EXPECT_EQ(record.longest_gap, seconds(2));
  EXPECT_EQ(record.first_byte, record.connected + seconds(2));
  EXPECT_EQ(record.ended - record.started, seconds(3));
}

TEST_F(FetchTest, NamesTheServerThatRefuses) {
  start();
  fetch_->resolved(resolve_numeric(fetch_->where()), now_);
  next<Connect>();
  fetch_->connect_failed(error(std::errc::connection_refused), now_);
  EXPECT_EQ(done().outcome, Outcome::connect);
  EXPECT_EQ(done().error, "127.0.0.1:10000: connect: Connection refused");
}

TEST_F(FetchTest, NamesTheNameThatDoesNotResolve) {
  start("nowhere");
  next<Resolve>();
  fetch_->resolved({{}, {-2, resolve_category()}}, now_);
  EXPECT_EQ(done().outcome, Outcome::resolve);
  EXPECT_TRUE(done().error.starts_with("nowhere:10000: resolve: ")) << done().error;
}

TEST_F(FetchTest, TriesTheAddressesInTurnAndSharesTheTime) {
  start("both");
  const Address one = resolve_numeric({"127.0.0.1", 10000}).addresses.at(0);
  const Address two = resolve_numeric({"127.0.0.2", 10000}).addresses.at(0);
  const Address six = resolve_numeric({"::1", 10000}).addresses.at(0);
  fetch_->resolved({{one, two, six}, {}}, now_);
  const auto first = next<Connect>();
  EXPECT_EQ(first.address, one);
  fetch_->connect_failed(error(std::errc::connection_refused), now_);
  const auto second = next<Connect>();
  EXPECT_EQ(second.address, six);
  EXPECT_EQ(second.until, now_ + seconds(5));
  pass_to(second.until);
  EXPECT_EQ(next<Connect>().address, two);
  pass_to(next<Connect>().until);
  EXPECT_EQ(done().outcome, Outcome::connect_timeout);
  EXPECT_EQ(done().error, "both:10000 (127.0.0.2:10000): connect: timed out after 10s");
  EXPECT_EQ(done().ended - done().started, seconds(10));
}

TEST_F(FetchTest, GivesUpOnSilence) {
  connect();
  now_ += seconds(59);
  fetch_->received("x", now_);
  pass_to(now_ + seconds(60));
  EXPECT_EQ(done().outcome, Outcome::idle_timeout);
  EXPECT_EQ(done().longest_gap, seconds(60));
}

TEST_F(FetchTest, GivesUpOnTheWhole) {
  options_.timeout = seconds(3);
  connect();
  EXPECT_EQ(next<Transfer>().until, now_ + seconds(3));
  fetch_->received("x", now_);
  pass_to(now_ + seconds(3));
  EXPECT_EQ(done().outcome, Outcome::timeout);
}

TEST_F(FetchTest, ZeroIsNoLimit) {
  options_.connect_timeout = options_.idle_timeout = {};
  start();
  EXPECT_EQ(next<Resolve>().until, never);
  connect();
  EXPECT_EQ(next<Transfer>().until, never);
}

TEST_F(FetchTest, RetriesWithDoublingDelayAndForgetsWhatBroke) {
  options_.retries = 2;
  connect();
  fetch_->received("part\n", now_);
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(next<Wait>().delay, seconds(1));
  EXPECT_EQ(fetch_->record().bytes, 5U);
  pass_to(next<Wait>().until);
  next<Resolve>();
  EXPECT_EQ(fetch_->record().bytes, 0U);
  fetch_->resolved(resolve_numeric(fetch_->where()), now_);
  fetch_->connect_failed(error(std::errc::connection_refused), now_);
  EXPECT_EQ(next<Wait>().until, now_ + seconds(2));
  pass_to(now_ + seconds(2));
  fetch_->resolved(resolve_numeric(fetch_->where()), now_);
  fetch_->connected(now_);
  fetch_->received("half", now_);
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
  EXPECT_EQ(done().attempts, 3U);
  EXPECT_EQ(done().bytes, 4U) << "the last attempt's partial text counts";
}

TEST_F(FetchTest, AStreamOfJustTheLimitIsWhole) {
  options_.max_bytes = 4;
  connect();
  EXPECT_EQ(next<Transfer>().most, 5U);
  EXPECT_EQ(fetch_->received("1234", now_), "1234");
  EXPECT_EQ(next<Transfer>().most, 1U);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::ok);
}

TEST_F(FetchTest, AStreamBeyondTheLimitIsCutThere) {
  options_.max_bytes = 4;
  connect();
  EXPECT_EQ(fetch_->received("12345", now_), "1234");
  EXPECT_EQ(done().outcome, Outcome::limit);
  EXPECT_EQ(done().bytes, 4U);
}

TEST_F(FetchTest, SendsThenHalfCloses) {
  options_.send = "hello";
  connect();
  EXPECT_EQ(next<Transfer>().unsent, "hello");
  fetch_->sent(2, now_);
  EXPECT_EQ(next<Transfer>().unsent, "llo");
  fetch_->sent(3, now_);
  next<HalfClose>();
  fetch_->half_closed(now_);
  EXPECT_EQ(next<Transfer>().unsent, "");
}

TEST_F(FetchTest, HoldsWhereAskedTo) {
  options_.send = "hello";
  options_.after_send = AfterSend::hold;
  connect();
  fetch_->sent(5, now_);
  EXPECT_EQ(next<Transfer>().unsent, "");
}

TEST_F(FetchTest, AnEndAfterAFailedSendIsNoSuccess) {
  options_.send = "hello";
  connect();
  fetch_->send_failed(error(std::errc::broken_pipe), now_);
  fetch_->received("what?\n", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
}

TEST_F(FetchTest, AResetFoundWhileConnectingIsAReset) {
  start();
  fetch_->resolved(resolve_numeric(fetch_->where()), now_);
  fetch_->connect_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
}

TEST_F(FetchTest, EndsByInterruptAndOutput) {
  connect().interrupt(now_);
  EXPECT_EQ(done().outcome, Outcome::interrupted);
  connect().output_failed("disk full", now_);
  EXPECT_EQ(done().outcome, Outcome::output);
  EXPECT_EQ(done().error, "127.0.0.1:10000: disk full");
}

TEST(Arrivals, StayBoundedAndSpanTheWhole) {
  Arrivals arrivals;
  const TimePoint start{};
  for (int i = 0; i < 100'000; ++i) arrivals.add(start + std::chrono::milliseconds(7 * i));
  EXPECT_LE(arrivals.times().size(), Arrivals::capacity);
  EXPECT_GE(arrivals.times().size(), Arrivals::capacity / 4);
  EXPECT_EQ(arrivals.times().front(), start);
  EXPECT_GT(arrivals.times().back(), start + seconds(650));
  EXPECT_TRUE(std::is_sorted(arrivals.times().begin(), arrivals.times().end()));
}

}  // namespace
}  // namespace poetry
