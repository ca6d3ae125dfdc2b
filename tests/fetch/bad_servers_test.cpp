// Every strategy against servers that break, stall and flood: the right outcome, in bounded memory.
#include <future>

#include "fetch/strategies_fixture.hpp"

namespace poetry::fetch {
namespace {

class BadServers : public Strategies {};

TEST_P(BadServers, BreakEveryAttemptAndTheLastTextStays) {
  LittleServer breaking(serve_part);
  batch_.fetch.send = "?";
  batch_.fetch.after_send = AfterSend::hold;
  batch_.fetch.retries = 1;
  batch_.fetch.retry_delay = milliseconds(1);
  batch_.servers = {breaking.where()};
  EXPECT_EQ(run(), std::vector{Outcome::reset});
  EXPECT_EQ(texts_->retries, 1);
  EXPECT_EQ(texts_->text[0], "part\n");
  EXPECT_EQ(result_.records[0].bytes, 5U);
}

TEST_P(BadServers, ResetAfterWhatIsStillRead) {
  LittleServer breaking(serve_part);
  batch_.fetch.send = "?";
  batch_.fetch.after_send = AfterSend::hold;
  batch_.servers = Servers({breaking.where()}, 100);
  EXPECT_THAT(run(), ::testing::Each(Outcome::reset));
  EXPECT_THAT(texts_->text, ::testing::Each("part\n"));
}

TEST_P(BadServers, HalfCloseWhichIsTheEnd) {
  LittleServer half_closed(serve_half_closed);
  batch_.servers = {half_closed.where()};
  EXPECT_EQ(run(), std::vector{Outcome::ok});
  EXPECT_EQ(texts_->text[0], "one\ntwo\n");
}

TEST_P(BadServers, SendWithoutEndUntilTheDeadline) {
  LittleServer endless(serve_without_end);
  batch_.fetch.timeout = milliseconds(500);
  batch_.servers = {endless.where()};
  EXPECT_EQ(run(), std::vector{Outcome::timeout});
  EXPECT_GT(result_.records[0].bytes, 0U);
}

TEST_P(BadServers, SendAByteNowAndThenUntilTheDeadline) {
  LittleServer trickling(serve_trickle);
  batch_.fetch.timeout = milliseconds(100);
  batch_.servers = {trickling.where()};
  EXPECT_EQ(run(), std::vector{Outcome::timeout});
  EXPECT_GE(result_.records[0].ended - result_.records[0].started, milliseconds(100));
}

TEST_P(BadServers, NeverReadUntilTheDeadline) {
  std::promise<void> over;
  LittleServer deaf([&](base::Fd&) { over.get_future().wait(); });
  batch_.servers = {deaf.where()};
  batch_.fetch.send = std::string(std::size_t{64} << 20, 'x');
  batch_.fetch.timeout = milliseconds(100);
  EXPECT_EQ(run(), std::vector{Outcome::timeout});
  over.set_value();
}

TEST_P(BadServers, NeverReadNorAnswerUntilTheySeemIdle) {
  std::promise<void> over;
  LittleServer deaf([&](base::Fd&) { over.get_future().wait(); });
  batch_.servers = {deaf.where()};
  batch_.fetch.send = "hello";
  batch_.fetch.after_send = AfterSend::hold;
  batch_.fetch.idle_timeout = milliseconds(100);
  EXPECT_EQ(run(), std::vector{Outcome::idle_timeout});
  over.set_value();
}

TEST_P(BadServers, NeverAnswerAHandshakeUntilTheDeadline) {
  const base::Fd silent =
      net::listen_in_silence(net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0));
  batch_.fetch.connect_timeout = milliseconds(100);
  batch_.servers = {{"127.0.0.1", net::local_address(silent.get()).port()}};
  EXPECT_EQ(run(), std::vector{Outcome::connect_timeout});
  EXPECT_GE(result_.records[0].ended - result_.records[0].started, milliseconds(100));
}

INSTANTIATE_TEST_SUITE_P(All, BadServers, ::testing::ValuesIn(strategy_names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace poetry::fetch
