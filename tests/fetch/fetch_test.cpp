#include "fetch/fetch.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fetch/pace.hpp"

namespace poetry::fetch {
namespace {

using std::chrono::seconds;

class FetchTest : public ::testing::Test {
 protected:
  Fetch& start(const std::string& host = "127.0.0.1") {
    return fetch_.emplace(net::HostPort{host, 10000}, options_, task_, now_, &details_);
  }
  Fetch& connect() {
    start();
    reconnect();
    return *fetch_;
  }
  void reconnect() {
    fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
    EXPECT_EQ(fetch_->connect_ended(0, {}, now_), Candidate::chosen);
  }
  /// A name with these addresses, to be connected to.
  void race(const std::vector<std::string>& hosts) {
    start("both");
    std::vector<net::Address> found;
    for (const auto& host : hosts) {
      found.push_back(net::resolve_numeric({host, 10000}).addresses.at(0));
    }
    fetch_->resolved({found, {}}, now_);
  }
  std::vector<std::string> tried() {
    std::vector<std::string> hosts;
    for (const auto& address : next<Connect>().addresses) hosts.push_back(address.host());
    return hosts;
  }
  void refuse(std::size_t index, std::errc code = std::errc::connection_refused) {
    EXPECT_EQ(fetch_->connect_ended(index, error(code), now_), Candidate::failed);
  }
  template <typename Kind>
  Kind next() {
    const Action action = fetch_->next();
    EXPECT_TRUE(std::holds_alternative<Kind>(action)) << action.index();
    return std::holds_alternative<Kind>(action) ? std::get<Kind>(action) : Kind{};
  }
  void pass_to(base::TimePoint at) {
    fetch_->expired(at - base::Duration(1));  // nothing expires early
    now_ = at;
    fetch_->expired(now_);
  }
  const Record& done() {
    next<Done>();
    return fetch_->record();
  }
  static std::error_code error(std::errc code) { return std::make_error_code(code); }

  using Hosts = std::vector<std::string>;

  FetchOptions options_;
  std::size_t task_ = 0;
  Details details_;
  Expected& expected_ = details_.expected;
  base::TimePoint now_{std::chrono::hours(1)};
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
  fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
  EXPECT_EQ(tried(), Hosts{"127.0.0.1"});
  EXPECT_EQ(next<Connect>().until, now_ + seconds(10)) << "with one address, nothing else to try";
  refuse(0);
  EXPECT_EQ(done().outcome, Outcome::connect);
  EXPECT_EQ(done().error, "127.0.0.1:10000: connect: Connection refused");
}

TEST_F(FetchTest, NamesTheNameThatDoesNotResolve) {
  start("nowhere");
  next<Resolve>();
  fetch_->resolved({{}, {-2, net::resolve_category()}}, now_);
  EXPECT_EQ(done().outcome, Outcome::resolve);
  EXPECT_TRUE(done().error.starts_with("nowhere:10000: resolve: ")) << done().error;
}

TEST_F(FetchTest, TriesTheFirstChoiceAndThenTheFamiliesInTurn) {
  race({"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::2"});
  EXPECT_EQ(tried(), Hosts{"127.0.0.1"});
  for (std::size_t index = 0; index < 4; ++index) refuse(index);
  EXPECT_EQ(tried(), (Hosts{"127.0.0.1", "::1", "127.0.0.2", "::2", "127.0.0.3"}));
}

TEST_F(FetchTest, TriesTheNextAddressBesideOneThatDoesNotAnswer) {
  race({"::1", "127.0.0.1", "127.0.0.2"});
  const base::TimePoint start = now_;
  EXPECT_EQ(next<Connect>().until, start + connection_attempt_delay);
  pass_to(start + connection_attempt_delay);
  EXPECT_EQ(tried(), (Hosts{"::1", "127.0.0.1"}));
  EXPECT_EQ(next<Connect>().until, start + 2 * connection_attempt_delay);
  pass_to(start + 2 * connection_attempt_delay);
  EXPECT_EQ(tried(), (Hosts{"::1", "127.0.0.1", "127.0.0.2"}));
  EXPECT_EQ(next<Connect>().until, start + seconds(10)) << "nothing else to try";
}

TEST_F(FetchTest, AnAddressThatFailsMovesOnAtOnce) {
  race({"::1", "127.0.0.1", "::2", "127.0.0.2"});
  now_ += std::chrono::milliseconds(100);
  refuse(0);
  EXPECT_EQ(tried(), (Hosts{"::1", "127.0.0.1"}));
  EXPECT_EQ(next<Connect>().until, now_ + connection_attempt_delay);
}

TEST_F(FetchTest, AnEarlierAddressThatFailsLeavesTheLastItsTime) {
  race({"::1", "127.0.0.1", "::2"});
  pass_to(now_ + connection_attempt_delay);
  const base::TimePoint next_at = next<Connect>().until;
  now_ += std::chrono::milliseconds(100);
  refuse(0);
  EXPECT_EQ(tried().size(), 2U);
  EXPECT_EQ(next<Connect>().until, next_at);
}

TEST_F(FetchTest, TheFirstAddressToConnectWins) {
  race({"::1", "127.0.0.1"});
  pass_to(now_ + connection_attempt_delay);
  EXPECT_EQ(fetch_->connect_ended(1, {}, now_), Candidate::chosen);
  next<Transfer>();
  EXPECT_EQ(fetch_->record().address->host(), "127.0.0.1");
  EXPECT_EQ(fetch_->record().connected, now_);
}

TEST_F(FetchTest, WhereAllAddressesFailTheLastIsToldOf) {
  race({"::1", "127.0.0.1"});
  pass_to(now_ + connection_attempt_delay);
  refuse(1, std::errc::network_unreachable);
  next<Connect>();
  refuse(0);
  EXPECT_EQ(done().outcome, Outcome::connect);
  EXPECT_EQ(done().error,
            "both:10000 (127.0.0.1:10000): connect: Network is unreachable (the last of 2 "
            "addresses)");
}

TEST_F(FetchTest, TheConnectTimeoutIsForAllAddresses) {
  race({"::1", "127.0.0.1", "::2"});
  const base::TimePoint start = now_;
  refuse(0);
  pass_to(now_ + connection_attempt_delay);
  pass_to(start + seconds(10));
  EXPECT_EQ(done().outcome, Outcome::connect_timeout);
  EXPECT_EQ(done().error,
            "both:10000 (127.0.0.1:10000): connect: timed out after 10s (3 of 3 addresses tried)");
  EXPECT_EQ(done().ended - done().started, seconds(10));
}

TEST_F(FetchTest, TriesSoManyAddressesAtOnceAndAllInTime) {
  options_.connect_timeout = {};
  race(Hosts(100, "127.0.0.1"));
  for (int i = 0; i < 99; ++i) {
    EXPECT_LE(tried().size() - next<Connect>().over, max_tried_at_once);
    pass_to(next<Connect>().until);
  }
  EXPECT_EQ(tried().size(), 100U);
  EXPECT_EQ(next<Connect>().over, 100U - max_tried_at_once);
  EXPECT_EQ(next<Connect>().until, base::never);
  for (std::size_t index = next<Connect>().over; index < 100; ++index) refuse(index);
  EXPECT_EQ(done().outcome, Outcome::connect);
  EXPECT_EQ(done().error,
            "both:10000 (127.0.0.1:10000): connect: Connection refused (the last of 100 "
            "addresses)");
}

TEST_F(FetchTest, TheTimeToConnectBeginsOnceTheNameIsLookedUp) {
  start("waits");
  EXPECT_EQ(next<Resolve>().until, base::never);
  now_ += seconds(100);
  fetch_->lookup_begun(now_);
  EXPECT_EQ(next<Resolve>().until, now_ + seconds(10));
  pass_to(now_ + seconds(10));
  EXPECT_EQ(done().outcome, Outcome::connect_timeout);
}

TEST_F(FetchTest, ARetryTriesTheAddressesAnew) {
  options_.retries = 1;
  race({"::1", "127.0.0.1"});
  refuse(0);
  refuse(1);
  pass_to(next<Wait>().until);
  fetch_->resolved(net::resolve_numeric({"127.0.0.2", 10000}), now_);
  EXPECT_EQ(tried(), Hosts{"127.0.0.2"});
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

TEST_F(FetchTest, WhatBreaksOnceTheTimeIsOverIsNotVoid) {
  options_.timeout = seconds(3);
  options_.retries = 1;
  connect();
  fetch_->received("part", now_);
  now_ += seconds(3);  // and before that was noticed
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(done().outcome, Outcome::timeout);
  EXPECT_EQ(done().bytes, 4U) << "no retry was told of, and an observer has them";
  EXPECT_EQ(done().error,
            "127.0.0.1:10000: timed out after 3s (before that, 127.0.0.1:10000: receive: "
            "Connection reset by peer)");
}

TEST_F(FetchTest, ZeroIsNoLimit) {
  options_.connect_timeout = options_.idle_timeout = {};
  start();
  EXPECT_EQ(next<Resolve>().until, base::never);
  connect();
  EXPECT_EQ(next<Transfer>().until, base::never);
}

TEST_F(FetchTest, RetriesAndForgetsWhatBroke) {
  options_.retries = 2;
  connect();
  fetch_->received("part\n", now_);
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(next<Wait>().until, now_ + next<Wait>().delay);
  EXPECT_EQ(fetch_->record().bytes, 5U);
  pass_to(next<Wait>().until);
  next<Resolve>();
  EXPECT_EQ(fetch_->record().bytes, 0U);
  fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
  refuse(0);
  pass_to(next<Wait>().until);
  reconnect();
  fetch_->received("half", now_);
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
  EXPECT_EQ(done().attempts, 3U);
  EXPECT_EQ(done().bytes, 4U) << "the last attempt's partial text counts";
}

TEST_F(FetchTest, RetryDelaysFollowFromTheSeedAndTheTask) {
  options_.retries = 3;
  options_.seed = 7;
  const auto delays = [&](std::size_t task) {
    task_ = task;
    start();
    std::vector<base::Duration> list;
    for (int retry = 0; retry < 3; ++retry) {
      fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
      refuse(0);
      list.push_back(next<Wait>().delay);
      pass_to(next<Wait>().until);
    }
    return list;
  };
  const auto first = delays(1);
  EXPECT_GE(first[1], seconds(2));
  EXPECT_GE(first[2], seconds(4));
  EXPECT_NE(delays(2), first);
  now_ += seconds(1);
  EXPECT_EQ(delays(1), first) << "the seed decides, not the time";
}

TEST(RetryDelay, DoublesAndIsLongerByAtMostHalf) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (std::uint64_t retry = 0; retry < 5; ++retry) {
      const base::Duration doubled = seconds(1 << retry);
      const base::Duration delay = retry_delay(seconds(1), retry, seed);
      EXPECT_GE(delay, doubled);
      EXPECT_LE(delay, doubled + doubled / 2);
    }
  }
}

TEST(RetryDelay, DoublesNoFurtherThanItsCap) {
  EXPECT_GE(retry_delay(seconds(1), 1'000'000'000'000, 0), longest_doubled_delay);
  EXPECT_LE(retry_delay(seconds(1), 1'000'000'000'000, 0), longest_doubled_delay * 3 / 2);
  const base::Duration day = std::chrono::hours(24);
  EXPECT_GE(retry_delay(day, 5, 0), day) << "a first delay beyond the cap stays as it is";
  EXPECT_LE(retry_delay(day, 5, 0), day * 3 / 2);
  EXPECT_LE(retry_delay(seconds(1), 9, 0, Backoff::constant), std::chrono::milliseconds(1500));
  EXPECT_GE(retry_delay(seconds(1), 9, 0, Backoff::constant), seconds(1));
  EXPECT_EQ(retry_delay({}, 1'000'000'000'000, 0), base::Duration::zero());
}

TEST(RetryDelay, SpreadsTasksThatBrokeTogether) {
  std::set<base::Duration> delays;
  for (std::uint64_t seed = 0; seed < 100; ++seed) delays.insert(retry_delay(seconds(1), 0, seed));
  EXPECT_GT(delays.size(), 50U);
}

TEST_F(FetchTest, EndsAtTheLimitWithoutWaitingForMore) {
  options_.max_bytes = 4;
  connect();
  EXPECT_EQ(next<Transfer>().max, 4U);
  EXPECT_EQ(fetch_->received("123", now_), "123");
  EXPECT_EQ(next<Transfer>().max, 1U);
  EXPECT_EQ(fetch_->received("4", now_), "4");
  EXPECT_EQ(done().outcome, Outcome::limit);
  EXPECT_EQ(done().bytes, 4U);
}

TEST_F(FetchTest, SendsAndKeepsTheSendingSideOpen) {
  options_.send = "hello";
  connect();
  EXPECT_EQ(next<Transfer>().unsent, "hello");
  fetch_->sent(2, now_);
  EXPECT_EQ(next<Transfer>().unsent, "llo");
  fetch_->sent(3, now_);
  EXPECT_EQ(next<Transfer>().unsent, "");
}

TEST_F(FetchTest, HalfClosesWhereAskedTo) {
  options_.send = "hello";
  options_.after_send = AfterSend::half_close;
  connect();
  fetch_->sent(5, now_);
  next<HalfClose>();
  fetch_->half_closed(now_);
  EXPECT_EQ(next<Transfer>().unsent, "");
}

TEST_F(FetchTest, SaysWhatHelpsWhereAServerMayWaitForMore) {
  options_.send = "hello";
  connect();
  fetch_->sent(5, now_);
  pass_to(now_ + options_.idle_timeout);
  EXPECT_EQ(done().outcome, Outcome::idle_timeout);
  EXPECT_EQ(done().error,
            "127.0.0.1:10000: receive: nothing for 60s (see --half-close and --until)");
  options_.until.bytes = 10;
  connect();
  fetch_->sent(5, now_);
  pass_to(now_ + options_.idle_timeout);
  EXPECT_EQ(done().error, "127.0.0.1:10000: receive: nothing for 60s");
}

TEST_F(FetchTest, AStreamIsWholeBehindItsTextInWhateverPiecesThatComes) {
  const std::string stream = "+OK\r\n.\n\r\n.\r\nmore";
  const std::string whole = "+OK\r\n.\n\r\n.\r\n";
  options_.until.text = "\r\n.\r\n";
  for (std::size_t first = 1; first < whole.size(); ++first) {
    for (std::size_t second = 1; first + second <= whole.size(); ++second) {
      connect();
      std::string got{fetch_->received(stream.substr(0, first), now_)};
      for (std::size_t at = first; at < stream.size() && !fetch_->over(); at += second) {
        got += fetch_->received(stream.substr(at, second), now_);
      }
      EXPECT_EQ(got, whole) << first << " " << second;
      EXPECT_EQ(done().outcome, Outcome::ok);
    }
  }
}

TEST_F(FetchTest, AStreamThatEndsBeforeItsTextIsTruncated) {
  options_.until.text = "END\r\n";
  connect();
  fetch_->received("VALUE x\r\nEND\r", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::truncated);
}

TEST_F(FetchTest, CountsEachOfManyEmptyLines) {
  connect();
  fetch_->received(std::string(1000, '\n') + "end", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().lines, 1001U);
}

TEST_F(FetchTest, AStreamIsWholeAfterItsLines) {
  options_.until.lines = 3;
  connect();
  EXPECT_EQ(fetch_->received("1\n2", now_), "1\n2");
  EXPECT_EQ(fetch_->received("\n3\n4\n", now_), "\n3\n");
  EXPECT_EQ(done().outcome, Outcome::ok);
  EXPECT_EQ(done().lines, 3U);
}

TEST_F(FetchTest, AStreamOfFewerLinesIsTruncatedAndOneWithoutItsLastNewlineIsNot) {
  options_.until.lines = 3;
  for (const bool whole : {false, true}) {
    connect();
    fetch_->received(whole ? "1\n2\n3" : "1\n2\n", now_);
    fetch_->stream_ended(now_);
    EXPECT_EQ(done().outcome, whole ? Outcome::ok : Outcome::truncated);
  }
}

TEST_F(FetchTest, ASilenceAfterTheFirstByteIsAnEndWhereAskedFor) {
  options_.until_idle = seconds(1);
  connect();
  fetch_->expired(now_ + seconds(59));  // nothing has come
  fetch_->received("ready\n", now_);
  pass_to(now_ + seconds(1));
  EXPECT_EQ(done().outcome, Outcome::ok);
}

TEST_F(FetchTest, AnEndAfterAFailedSendIsNoSuccess) {
  options_.send = "hello";
  connect();
  fetch_->send_failed(error(std::errc::broken_pipe), now_);
  fetch_->received("what?\n", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
}

TEST_F(FetchTest, AStreamOfFewerBytesThanExpectedIsTruncated) {
  expected_.bytes = 577;
  connect();
  fetch_->received("x\n", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::truncated);
  EXPECT_EQ(done().error, "127.0.0.1:10000: 2 of 577 bytes");
  EXPECT_EQ(done().bytes, 2U);
}

TEST_F(FetchTest, AStreamOfOtherBytesThanExpectedIsTruncated) {
  expected_ = {2, base::Sha256().finish_digest()};
  connect();
  fetch_->received("x\n", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::truncated);
  EXPECT_EQ(done().error, "127.0.0.1:10000: sha256 differs");
}

TEST_F(FetchTest, ATruncatedStreamIsTriedAgainAndDigestedAnew) {
  base::Sha256 digest;
  digest.update("whole\n");
  expected_ = {{}, digest.finish_digest()};
  options_.retries = 1;
  connect();
  fetch_->received("who", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(fetch_->record().outcome, Outcome::truncated);
  pass_to(next<Wait>().until);
  reconnect();
  fetch_->received("whole\n", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::ok);
  EXPECT_EQ(done().sha256, expected_.sha256);
}

TEST_F(FetchTest, DigestsWhatIsWholeWhereAskedTo) {
  options_.digests = Digests::yes;
  for (const bool whole : {true, false}) {
    connect();
    fetch_->received("x", now_);
    whole ? fetch_->stream_ended(now_) : fetch_->interrupt(now_);
    EXPECT_EQ(done().sha256.has_value(), whole);
  }
}

TEST_F(FetchTest, DigestsNothingThatIsVoid) {
  options_.digests = Digests::yes;
  options_.retries = 1;
  connect();
  fetch_->received("x", now_);
  fetch_->receive_failed(error(std::errc::connection_reset), now_);
  fetch_->interrupt(now_);
  EXPECT_FALSE(done().sha256);
}

TEST_F(FetchTest, KeepsNoArrivalsWhereNoneAreAskedFor) {
  options_.max_arrivals = 0;
  connect();
  fetch_->received("x", now_);
  EXPECT_TRUE(fetch_->record().arrivals.times().empty());
}

TEST_F(FetchTest, WhatCameBeforeAResetIsReadThoughTheResetWasFoundFirst) {
  start();
  fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
  EXPECT_EQ(fetch_->connect_ended(0, error(std::errc::connection_reset), now_), Candidate::chosen);
  next<Transfer>();
  EXPECT_EQ(fetch_->received("hello", now_), "hello");
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::reset);
  EXPECT_EQ(done().error, "127.0.0.1:10000: receive: Connection reset by peer");
  EXPECT_EQ(done().bytes, 5U);
}

TEST_F(FetchTest, AStreamThatEndedBeforeItsResetIsWhole) {
  start();
  fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
  EXPECT_EQ(fetch_->connect_ended(0, error(std::errc::broken_pipe), now_), Candidate::chosen);
  fetch_->received("hello", now_);
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::ok);
}

TEST_F(FetchTest, AResetIsForgottenByTheNextAttempt) {
  options_.retries = 1;
  start();
  fetch_->resolved(net::resolve_numeric(fetch_->where()), now_);
  EXPECT_EQ(fetch_->connect_ended(0, error(std::errc::connection_reset), now_), Candidate::chosen);
  fetch_->stream_ended(now_);
  pass_to(next<Wait>().until);
  reconnect();
  fetch_->stream_ended(now_);
  EXPECT_EQ(done().outcome, Outcome::ok);
}

TEST_F(FetchTest, EndsByInterruptAndOutput) {
  connect().interrupt(now_);
  EXPECT_EQ(done().outcome, Outcome::interrupted);
  connect().output_failed("disk full", now_);
  EXPECT_EQ(done().outcome, Outcome::output);
  EXPECT_EQ(done().error, "127.0.0.1:10000: disk full");
}

TEST(Arrivals, KeepAsFewAsAskedFor) {
  Arrivals arrivals;
  const base::TimePoint start{};
  for (int i = 0; i < 10'000; ++i) arrivals.add(start + std::chrono::milliseconds(7 * i), 8);
  EXPECT_LE(arrivals.times().size(), 8U);
  EXPECT_GE(arrivals.times().size(), 2U);
}

TEST(Arrivals, StayBoundedAndSpanTheWhole) {
  Arrivals arrivals;
  const base::TimePoint start{};
  for (int i = 0; i < 100'000; ++i) arrivals.add(start + std::chrono::milliseconds(7 * i));
  EXPECT_LE(arrivals.times().size(), Arrivals::capacity);
  EXPECT_GE(arrivals.times().size(), Arrivals::capacity / 4);
  EXPECT_EQ(arrivals.times().front(), start);
  EXPECT_GT(arrivals.times().back(), start + seconds(650));
  EXPECT_TRUE(std::is_sorted(arrivals.times().begin(), arrivals.times().end()));
}

}  // namespace
}  // namespace poetry::fetch
