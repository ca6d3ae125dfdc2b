// The connection's own rules, in virtual time over a real socket pair: what it waits for, what its
// session may see, and how it ends.
#include "engine/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <span>

#include "support/loopback.hpp"

namespace poetry::engine {
namespace {

using namespace std::chrono_literals;

/// Plays a list of steps and notes what it receives.
struct ScriptedService : session::Service {
  struct Player : session::Session {
    explicit Player(ScriptedService& script) : script_(script) {}
    session::Step next(base::TimePoint /*now*/) override {
      if (script_.steps.empty()) return session::Listen{};
      const auto step = script_.steps.front();
      script_.steps.pop_front();
      return step;
    }
    void receive(std::string_view bytes) override { script_.received.emplace_back(bytes); }
    ScriptedService& script_;
  };
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    return std::make_unique<Player>(*this);
  }
  std::deque<session::Step> steps;
  std::vector<std::string> received;
};

/// Takes all that is sent, gives what a test puts in, and counts how often it is asked.
class Mailbox final : public Transport {
 public:
  net::IoResult send(int /*socket*/, std::string_view bytes) override {
    if (failure) return {net::IoStatus::error, 0, failure};
    sent += bytes;
    return {net::IoStatus::ok, bytes.size(), {}};
  }
  Input receive(int /*socket*/) override {
    ++asked;
    if (inputs.empty()) return {};
    const auto input = inputs.front();
    inputs.pop_front();
    return input;
  }
  std::deque<Input> inputs;
  std::string sent;
  std::error_code failure;  // of the next send
  int asked = 0;
};
const Input nothing_known{net::IoStatus::would_block, {}, true};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    port_.service = script_;
    port_.counters = std::make_shared<Counters>();
    port_.send_timeout = 10s;
  }
  void open(std::deque<session::Step> steps) {
    script_->steps = std::move(steps);
    connection_.emplace(
        AcceptedSocket{std::move(pair_.server.socket), pair_.server.peer, {1}, now_},
        new Terms(port_));
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
  base::TimePoint now_{std::chrono::hours(5)};
  support::LoopbackPair pair_ = support::connect_pair();
  std::optional<Connection> connection_;
  std::array<char, 65536> buffer_{};
};

TEST_F(ConnectionTest, WaitsForInputAndTimeWhileListening) {
  open({session::Write{"hello"}, session::Listen{now_ + 3s}});
  const auto wait = proceed();
  EXPECT_TRUE(wait.input);
  EXPECT_EQ(wait.until, now_ + 3s);
  EXPECT_EQ(port_.counters->bytes_sent, 5U);
}

TEST_F(ConnectionTest, APauseHearsNothing) {
  net::send_some(pair_.client.get(), "early");
  open({session::Pause{now_ + 1s}, session::Listen{}});
  EXPECT_FALSE(proceed(Event::input).input);
  EXPECT_TRUE(script_->received.empty());
  now_ += 1s;
  proceed();
  EXPECT_EQ(script_->received, std::vector<std::string>{"early"});
}

TEST_F(ConnectionTest, ThePeersFinIsAnEmptyPieceOnce) {
  net::half_close(pair_.client.get());
  open({session::Listen{}, session::Listen{now_ + 1s}});
  const auto wait = proceed(Event::input);
  EXPECT_FALSE(wait.input);
  EXPECT_EQ(wait.until, now_ + 1s);
  EXPECT_EQ(script_->received, std::vector<std::string>{""});
}

TEST_F(ConnectionTest, AListenForNoTimeHearsWhatIsThereAndGoesOn) {
  net::send_some(pair_.client.get(), "early");
  open({session::Write{"a"}, session::Listen{now_}, session::Write{"b"}, session::Listen{}});
  EXPECT_TRUE(proceed().input);
  EXPECT_EQ(script_->received, std::vector<std::string>{"early"});
  EXPECT_EQ(port_.counters->bytes_sent, 2U);
}

TEST_F(ConnectionTest, AListenForNoTimeWaitsForNothing) {
  open({session::Write{"a"}, session::Listen{now_ - 1s}, session::Write{"b"},
        session::Pause{now_ + 1s}});
  EXPECT_EQ(proceed().until, now_ + 1s);
  EXPECT_TRUE(script_->received.empty());
  EXPECT_EQ(port_.counters->bytes_sent, 2U);
}

TEST_F(ConnectionTest, EachListenHearsOnePieceAndWhatFollowsStaysWithTheKernel) {
  net::send_some(pair_.client.get(), "abcdefgh");
  open({session::Listen{now_}, session::Write{"a"}, session::Pause{now_ + 1s},
        session::Listen{now_}, session::Pause{}});
  const auto proceed = [&] {
    connection_->proceed(Event::input, now_, std::span(buffer_).first(3));
  };
  proceed();
  EXPECT_EQ(script_->received, std::vector<std::string>{"abc"});
  now_ += 1s;
  proceed();
  EXPECT_EQ(script_->received, (std::vector<std::string>{"abc", "def"}));
}

TEST_F(ConnectionTest, WhatComesUntilALateTurnIsHeardBeforeTheNextStep) {
  open({session::Listen{now_ + 1s}, session::Write{"late"}, session::Pause{now_ + 9s}});
  proceed();
  now_ += 2s;
  net::send_some(pair_.client.get(), "first");
  proceed(Event::input);
  EXPECT_EQ(script_->received, std::vector<std::string>{"first"});
  EXPECT_EQ(port_.counters->bytes_sent, 4U);
}

TEST_F(ConnectionTest, ThePeersFinIsToldOnceToOneThatWritesOn) {
  net::send_some(pair_.client.get(), "last");
  net::half_close(pair_.client.get());
  open({session::Listen{now_}, session::Write{"a"}, session::Listen{now_}, session::Write{"b"},
        session::Listen{now_}, session::Write{"c"}, session::Listen{now_},
        session::Pause{now_ + 1s}});
  EXPECT_EQ(proceed_to_the_end().until, now_ + 1s);
  EXPECT_EQ(script_->received, (std::vector<std::string>{"last", ""}));
  EXPECT_EQ(port_.counters->bytes_sent, 3U);
}

TEST_F(ConnectionTest, AListenForNoTimeNoticesAReset) {
  net::reset_on_close(pair_.client.get());
  pair_.client.reset();
  open({session::Listen{now_}, session::Pause{}});
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::peer_reset);
}

TEST_F(ConnectionTest, OneThatWritesAndListensInTurnTakesTurns) {
  std::deque<session::Step> steps;
  for (int i = 0; i < 100; ++i)
    steps.insert(steps.end(), {session::Write{"x"}, session::Listen{now_}});
  open(std::move(steps));
  EXPECT_TRUE(proceed().turn);
  EXPECT_LT(port_.counters->bytes_sent, 100U);
}

TEST_F(ConnectionTest, NobodyAsksForInputWhereTheSessionOnlyWritesOnTime) {
  Mailbox mail;
  std::deque<session::Step> steps;
  for (int i = 1; i <= 10; ++i)
    steps.insert(steps.end(), {session::Listen{now_ + i * 1s}, session::Write{"line"}});
  open(std::move(steps));
  for (int i = 0; i <= 10; ++i, now_ += 1s) connection_->proceed(Event::nothing, now_, mail);
  EXPECT_EQ(mail.sent.size(), 40U);
  EXPECT_EQ(mail.asked, 0);
}

TEST_F(ConnectionTest, WantOfMemoryIsNoResetOfThePeers) {
  const auto reason_after = [this](std::errc failure) {
    Mailbox mail;
    mail.failure = std::make_error_code(failure);
    pair_ = support::connect_pair();
    open({session::Write{"a"}, session::Finish{}});
    EXPECT_TRUE(connection_->proceed(Event::nothing, now_, mail).over);
    return connection_->ended(now_).reason;
  };
  EXPECT_EQ(reason_after(std::errc::connection_reset), Reason::peer_reset);
  EXPECT_EQ(reason_after(std::errc::no_buffer_space), Reason::fault);
  Mailbox mail;
  mail.inputs = {
      {net::IoStatus::error, {}, false, std::make_error_code(std::errc::not_enough_memory)}};
  pair_ = support::connect_pair();
  open({session::Listen{}});
  EXPECT_TRUE(connection_->proceed(Event::input, now_, mail).over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::fault);
}

TEST_F(ConnectionTest, ACarrierThatDoesNotKnowIsAskedAgainBeforeItGoesOn) {
  for (const auto& answer : {Input{net::IoStatus::ok, "x"}, Input{}}) {
    Mailbox mail;
    mail.inputs = {nothing_known, nothing_known, answer};
    pair_ = support::connect_pair();
    script_->received.clear();
    open({session::Listen{now_}, session::Write{"a"}, session::Pause{}});
    for (int i = 0; i < 2; ++i) {
      const auto wait = connection_->proceed(Event::nothing, now_, mail);
      EXPECT_TRUE(wait.input);
      EXPECT_LE(wait.until, now_);
      EXPECT_EQ(mail.sent, "");
    }
    connection_->proceed(Event::nothing, now_, mail);
    EXPECT_EQ(mail.sent, "a");
    EXPECT_EQ(script_->received.size(), answer.status == net::IoStatus::ok ? 1U : 0U);
  }
}

TEST_F(ConnectionTest, FinishDrainsUnreadInputInsteadOfResetting) {
  net::send_some(pair_.client.get(), std::string(100'000, 'x'));
  open({session::Write{"the end"}, session::Finish{}});
  EXPECT_TRUE(proceed().input);
  net::half_close(pair_.client.get());
  auto wait = proceed(Event::input);
  for (int i = 0; i < 100 && !wait.over; ++i) wait = proceed(Event::input);
  EXPECT_TRUE(wait.over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::finished);
  connection_->close();
  const auto heard = support::hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "the end");
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
}

TEST_F(ConnectionTest, DrainsForAMomentOnly) {
  open({session::Finish{}});
  const auto wait = proceed();
  EXPECT_LT(wait.until, base::never);
  now_ = wait.until;
  EXPECT_TRUE(proceed().over);
}

TEST_F(ConnectionTest, AbortResets) {
  open({session::Write{"part"}, session::Abort{}});
  while (!proceed().over) {
  }
  connection_->close();
  const auto heard = support::hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "part");
  EXPECT_EQ(heard.ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, APeerThatTakesNothingIsDropped) {
  const std::string much(64 << 20, 'x');
  open({session::Write{much}});
  const auto wait = proceed_to_the_end();
  EXPECT_TRUE(wait.output);
  EXPECT_EQ(wait.until, now_ + 1s);  // to see whether it takes anything
  now_ += 9s;
  EXPECT_FALSE(proceed().over);
  now_ += 1s;
  EXPECT_TRUE(proceed().over);
}

TEST_F(ConnectionTest, APeerThatTakesAnythingIsKept) {
  const std::string much(64 << 20, 'x');
  open({session::Write{much}});
  proceed_to_the_end();
  for (int i = 0; i < 5; ++i) {
    // So much leaves the kernel's queue, but does not yet make room in it.
    std::string taken(256 << 10, '\0');
    ASSERT_GT(::recv(pair_.client.get(), taken.data(), taken.size(), MSG_WAITALL), 0);
    now_ += 9s;
    EXPECT_FALSE(proceed().over);
  }
  for (int i = 0; i < 10; ++i) proceed_to_the_end();  // sees all that was taken
  now_ += 10s;
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::send_timeout);
}

TEST_F(ConnectionTest, ALargeWriteTakesTurns) {
  const std::string much(64 << 20, 'x');
  open({session::Write{much}});
  EXPECT_TRUE(proceed().turn || port_.counters->bytes_sent < (1 << 20));
}

TEST_F(ConnectionTest, ABusySessionTakesTurns) {
  open(std::deque<session::Step>(100, session::Step{session::Write{"x"}}));
  EXPECT_TRUE(proceed().turn);
  EXPECT_LT(port_.counters->bytes_sent, 100U);
}

TEST_F(ConnectionTest, APeerThatResetsEndsIt) {
  net::reset_on_close(pair_.client.get());
  pair_.client.reset();
  open({session::Listen{}});
  EXPECT_TRUE(proceed(Event::input).over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::peer_reset);
}

TEST_F(ConnectionTest, NewsEndsAListenAndNothingElse) {
  open({session::Pause{now_ + 1s}, session::Listen{}, session::Write{"told"}, session::Listen{}});
  proceed(Event::news);
  EXPECT_EQ(port_.counters->bytes_sent, 0U);
  now_ += 1s;
  EXPECT_TRUE(proceed().input);
  proceed(Event::news);
  EXPECT_EQ(port_.counters->bytes_sent, 4U);
}

TEST_F(ConnectionTest, APeerThatResetsIsNoticedInALongPause) {
  open({session::Pause{}});
  const auto wait = proceed();
  EXPECT_LT(wait.until, base::never);
  net::reset_on_close(pair_.client.get());
  pair_.client.reset();
  now_ = wait.until;
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::peer_reset);
}

TEST_F(ConnectionTest, EndingItResets) {
  open({session::Write{"part"}, session::Listen{}});
  proceed();
  connection_->end(Reason::shutdown);
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::shutdown);
  connection_->close();
  EXPECT_EQ(support::hear(pair_.client.get()).ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, EndingItAfterItHasSentAllChangesNothing) {
  open({session::Write{"all"}, session::Finish{}});
  proceed();
  connection_->end(Reason::shutdown);
  EXPECT_TRUE(proceed().over);
  EXPECT_EQ(connection_->ended(now_).reason, Reason::finished);
  connection_->close();
  const auto heard = support::hear(pair_.client.get());
  EXPECT_EQ(heard.bytes, "all");
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
}

TEST_F(ConnectionTest, AServiceThatOpensNoSessionResets) {
  struct Closed : session::Service {
    std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                           base::TimePoint /*now*/) override {
      throw std::runtime_error("no more sessions");
    }
  };
  port_.service = std::make_shared<Closed>();
  EXPECT_THROW(open({}), std::runtime_error);
  EXPECT_EQ(support::hear(pair_.client.get()).ended.error, std::errc::connection_reset);
}

TEST_F(ConnectionTest, GivesUpItsServiceWhenItGoes) {
  open({session::Listen{}});
  EXPECT_EQ(script_.use_count(), 3);  // the test's, the port's and the connection's
  connection_.reset();
  EXPECT_EQ(script_.use_count(), 2);
}

TEST_F(ConnectionTest, AFaultyEndIsCalledSo) {
  open({session::Write{"part"}, session::Finish{session::Ending::fault}});
  net::half_close(pair_.client.get());
  while (!proceed(Event::input).over) {
  }
  EXPECT_EQ(connection_->ended(now_).reason, Reason::fault);
  connection_->close();
  EXPECT_EQ(support::hear(pair_.client.get()).ended.status, net::IoStatus::end);
}

}  // namespace
}  // namespace poetry::engine
