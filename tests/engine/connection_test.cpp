// The connection's own rules, in virtual time over a real socket pair: what it waits for, what its
// session may see, and how it ends.
#include "engine/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "support/loopback.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// Plays a list of steps and notes what it receives.
struct ScriptedService : Service {
  struct Player : Session {
    explicit Player(ScriptedService& script) : script_(script) {}
    Step next(TimePoint /*now*/) override {
      if (script_.steps.empty()) return Listen{};
      const auto step = script_.steps.front();
      script_.steps.pop_front();
      return step;
    }
    void receive(std::string_view bytes) override { script_.received.emplace_back(bytes); }
    ScriptedService& script_;
  };
  std::unique_ptr<Session> open(const Peer& /*peer*/, TimePoint /*now*/) override {
    return std::make_unique<Player>(*this);
  }
  std::deque<Step> steps;
  std::vector<std::string> received;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    port_.service = script_;
    port_.counters = std::make_shared<Counters>();
    port_.send_timeout = 10s;
  }
  void open(std::deque<Step> steps) {
    script_->steps = std::move(steps);
    connection_.emplace(Arrival{std::move(pair_.server.socket), pair_.server.peer, {1}, now_},
                        port_);
  }
  Awaited proceed(Event event = Event::nothing) {
    return connection_->proceed(event, now_, buffer_);
  }
  Awaited proceed_to_the_end() {
    auto wait = proceed();
    while (wait.turn) wait = proceed();
    return wait;
  }

  std::shared_ptr<ScriptedService> script_ = std::make_shared<ScriptedService>();
  Port port_;
  TimePoint now_{std::chrono::hours(5)};
  LoopbackPair pair_ = connect_pair();
  std::optional<Connection> connection_;
  std::array<char, 65536> buffer_{};
};

TEST_F(ConnectionTest, WaitsForInputAndTimeWhileListening) {
  open({Write{"hello"}, Listen{now_ + 3s}});
  const auto wait = proceed();
  EXPECT_TRUE(wait.input);
  EXPECT_EQ(wait.until, now_ + 3s);
  EXPECT_EQ(port_.counters->bytes_sent, 5U);
}

TEST_F(ConnectionTest, APauseHearsNothing) {
  send_some(pair_.client.get(), "early");
  open({Pause{now_ + 1s}, Listen{}});
  EXPECT_FALSE(proceed(Event::input).input);
  EXPECT_TRUE(script_->received.empty());
  now_ += 1s;
  proceed();
  EXPECT_EQ(script_->received, std::vector<std::string>{"early"});
}

TEST_F(ConnectionTest, ThePeersFinIsAnEmptyPieceOnce) {
  half_close(pair_.client.get());
  open({Listen{}, Listen{now_ + 1s}});
  const auto wait = proceed(Event::input);
  EXPECT_FALSE(wait.input);
  EXPECT_EQ(wait.until, now_ + 1s);
  EXPECT_EQ(script_->received, std::vector<std::string>{""});
}

TEST_F(ConnectionTest, FinishDrainsUnreadInputInsteadOfResetting) {
  send_some(pair_.client.get(), std::string(100'000, 'x'));
  open({Write{"the end"}, Finish{}});
  EXPECT_TRUE(proceed().input);
  half_close(pair_.client.get());
  auto wait = proceed(Event::input);
  for (int i = 0; i < 100 && !wait.over; ++i) wait = proceed(Event::input);
  EXPECT_TRUE(wait.over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::finished);
  connection_->close();
  const auto heard = hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "the end");
  EXPECT_EQ(heard.ended.status, IoStatus::end);
}

TEST_F(ConnectionTest, DrainsForAMomentOnly) {
  open({Finish{}});
  const auto wait = proceed();
  EXPECT_LT(wait.until, never);
  now_ = wait.until;
  EXPECT_TRUE(proceed().over);
}

TEST_F(ConnectionTest, AbortResets) {
  open({Write{"part"}, Abort{}});
  while (!proceed().over) {
  }
  connection_->close();
  const auto heard = hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "part");
  EXPECT_EQ(heard.ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, APeerThatTakesNothingIsDropped) {
  const std::string much(64 << 20, 'x');
  open({Write{much}});
  const auto wait = proceed_to_the_end();
  EXPECT_TRUE(wait.output);
  EXPECT_EQ(wait.until, now_ + 10s);
  now_ += 9s;
  EXPECT_FALSE(proceed().over);
  now_ += 1s;
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::send_timeout);
}

TEST_F(ConnectionTest, ALargeWriteTakesTurns) {
  const std::string much(64 << 20, 'x');
  open({Write{much}});
  EXPECT_TRUE(proceed().turn || port_.counters->bytes_sent < (1 << 20));
}

TEST_F(ConnectionTest, ABusySessionTakesTurns) {
  open(std::deque<Step>(100, Step{Write{"x"}}));
  EXPECT_TRUE(proceed().turn);
  EXPECT_LT(port_.counters->bytes_sent, 100U);
}

TEST_F(ConnectionTest, APeerThatResetsEndsIt) {
  reset_on_close(pair_.client.get());
  pair_.client.reset();
  open({Listen{}});
  EXPECT_TRUE(proceed(Event::input).over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::peer_reset);
}

TEST_F(ConnectionTest, NewsEndsAListenAndNothingElse) {
  open({Pause{now_ + 1s}, Listen{}, Write{"told"}, Listen{}});
  proceed(Event::news);
  EXPECT_EQ(port_.counters->bytes_sent, 0U);
  now_ += 1s;
  EXPECT_TRUE(proceed().input);
  proceed(Event::news);
  EXPECT_EQ(port_.counters->bytes_sent, 4U);
}

TEST_F(ConnectionTest, APeerThatResetsIsNoticedInALongPause) {
  open({Pause{}});
  const auto wait = proceed();
  EXPECT_LT(wait.until, never);
  reset_on_close(pair_.client.get());
  pair_.client.reset();
  now_ = wait.until;
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::peer_reset);
}

TEST_F(ConnectionTest, EndingItResets) {
  open({Write{"part"}, Listen{}});
  proceed();
  connection_->end(Reason::shutdown);
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::shutdown);
  connection_->close();
  EXPECT_EQ(hear(pair_.client.get()).ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, EndingItAfterItHasSentAllChangesNothing) {
  open({Write{"all"}, Finish{}});
  proceed();
  connection_->end(Reason::shutdown);
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::finished);
  connection_->close();
  const auto heard = hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "all");
  EXPECT_EQ(heard.ended.status, IoStatus::end);
}

TEST_F(ConnectionTest, AServiceThatOpensNoSessionResets) {
  struct Closed : Service {
    std::unique_ptr<Session> open(const Peer& /*peer*/, TimePoint /*now*/) override {
      throw std::runtime_error("no more sessions");
    }
  };
  port_.service = std::make_shared<Closed>();
  EXPECT_THROW(open({}), std::runtime_error);
  EXPECT_EQ(hear(pair_.client.get()).ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, GivesUpItsServiceWhenItCloses) {
  open({Listen{}});
  EXPECT_EQ(script_.use_count(), 3);  // the test's, the port's and the connection's
  connection_->close();
  EXPECT_EQ(script_.use_count(), 2);
}

TEST_F(ConnectionTest, AFaultyEndIsCalledSo) {
  open({Write{"part"}, Finish{Ending::fault}});
  half_close(pair_.client.get());
  while (!proceed(Event::input).over) {
  }
  EXPECT_EQ(connection_->ended(now_).reason, Reason::fault);
  connection_->close();
  EXPECT_EQ(hear(pair_.client.get()).ended.status, IoStatus::end);
}

}  // namespace
}  // namespace poetry
