// Answers after requests, in virtual time.
#include "session/requests.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "session/poem.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

Requests awaiting(std::string_view text, std::uint64_t rounds = 1) {
  Requests requests;
  set_await(requests, text);
  requests.rounds = rounds;
  return requests;
}

/// A client of a poem of two lines, a second apart, which comes after its request.
class RequestsTest : public testing::Test {
 protected:
  void open(const Requests& requests) {
    Pacing pacing;
    pacing.delay = 1s;
    service_ = after_requests(
        std::make_shared<PoemService>(base::SealedText::copy("a\nb\n"), pacing), requests);
    session_ = service_->open({}, now_);
  }
  template <typename Wanted>
  Wanted step() {
    const auto next = session_->next(now_);
    EXPECT_TRUE(std::holds_alternative<Wanted>(next)) << next.index();
    return std::holds_alternative<Wanted>(next) ? std::get<Wanted>(next) : Wanted{};
  }
  /// Whether it waits for input, and until when.
  base::TimePoint listens() { return step<Listen>().until; }
  void hear_poem() {
    EXPECT_EQ(step<Write>().bytes, "a\n");
    EXPECT_EQ(listens(), now_ + 1s);
    now_ += 1s;
    EXPECT_EQ(step<Write>().bytes, "b\n");
    EXPECT_EQ(listens(), now_ + 1s);
    now_ += 1s;
  }

  base::TimePoint now_ = support::epoch;
  std::shared_ptr<Service> service_;
  std::unique_ptr<Session> session_;
};

TEST_F(RequestsTest, ThePoemBeginsWhenTheTextHasCome) {
  open(awaiting(R"(\r\n\r\n)"));
  EXPECT_EQ(listens(), support::epoch + 60s);
  now_ += 5s;
  for (const auto* piece : {"GET / HTTP/1.1\r\nHost: a\r", "\n", "\r"}) {
    session_->receive(piece);
    EXPECT_EQ(listens(), support::epoch + 60s);
  }
  session_->receive("\n");
  hear_poem();  // its times count from the request
  EXPECT_EQ(step<Finish>().ending, Ending::complete);
}

TEST_F(RequestsTest, BytesLinesOrAnythingMayBeARequest) {
  for (const auto& [await, before, last] :
       {std::tuple{"4bytes", "ab\n", "c"}, std::tuple{"2lines", "ab\nc", "\n"},
        std::tuple{"1line", "ab", "\n"}, std::tuple{"1bytes", "", "\n"}, std::tuple{"any", "", "x"},
        std::tuple{R"(\x34bytes)", "4byte", "s"}}) {
    SCOPED_TRACE(await);
    now_ = support::epoch;
    open(awaiting(await));
    static_cast<void>(listens());
    if (*before != 0) {
      session_->receive(before);
      EXPECT_EQ(listens(), support::epoch + 60s);
    }
    session_->receive(last);
    hear_poem();
  }
}

TEST_F(RequestsTest, EachFurtherRequestIsAnsweredUpToTheLastRound) {
  open(awaiting("?", 3));
  static_cast<void>(listens());
  session_->receive("first? second? thi");  // two at once
  hear_poem();
  hear_poem();
  EXPECT_EQ(listens(), now_ + 60s);  // counted from the last answer
  now_ += 59s;
  session_->receive("rd?fourth?");
  hear_poem();
  EXPECT_EQ(step<Finish>().ending, Ending::complete);
}

TEST_F(RequestsTest, WhatComesDuringAnAnswerIsTheNextRequest) {
  for (const auto* await : {"any", "?"}) {
    now_ = support::epoch;
    open(awaiting(await, 0));
    static_cast<void>(listens());
    session_->receive("first?");
    EXPECT_EQ(step<Write>().bytes, "a\n");
    static_cast<void>(listens());
    session_->receive("second?");
    now_ += 1s;
    EXPECT_EQ(step<Write>().bytes, "b\n");
    now_ += 1s;
    hear_poem();
    EXPECT_EQ(listens(), now_ + 60s);
  }
}

TEST_F(RequestsTest, ARequestThatDoesNotComeEndsTheConnection) {
  open(awaiting("?"));
  now_ += 60s - 1ns;
  EXPECT_EQ(listens(), support::epoch + 60s);
  now_ += 1ns;
  EXPECT_EQ(step<Finish>().ending, Ending::unasked);

  auto patient = awaiting("?", 0);
  patient.timeout = 0s;
  open(patient);
  EXPECT_EQ(listens(), base::never);
  session_->receive("?");
  hear_poem();
  EXPECT_EQ(listens(), base::never);
}

TEST_F(RequestsTest, AClientThatEndsIsAnsweredIfItHasAsked) {
  open(awaiting("?", 0));
  static_cast<void>(listens());
  session_->receive("? and half a question");
  EXPECT_EQ(step<Write>().bytes, "a\n");
  session_->receive({});
  now_ += 1s;
  EXPECT_EQ(step<Write>().bytes, "b\n");
  now_ += 1s;
  EXPECT_EQ(step<Finish>().ending, Ending::complete);

  open(awaiting("?"));
  static_cast<void>(listens());
  session_->receive("half a question");
  static_cast<void>(listens());
  session_->receive({});
  EXPECT_EQ(step<Finish>().ending, Ending::unasked);
}

TEST_F(RequestsTest, WhoHasNotAskedIsNotWaitedForWhenTheServerEnds) {
  open(awaiting("?", 0));
  static_cast<void>(listens());
  service_->drain();
  EXPECT_EQ(step<Finish>().ending, Ending::complete);
}

TEST_F(RequestsTest, NothingAwaitedIsTheServiceItself) {
  const auto poem = std::make_shared<PoemService>(base::SealedText::copy("a"), Pacing());
  EXPECT_EQ(after_requests(poem, {}), poem);
}

TEST_F(RequestsTest, WhatIsNoRequestIsRefused) {
  for (const auto* text : {"", "0bytes", "0lines", "99999999999999999999bytes", "\\", "\\q"}) {
    Requests requests;
    EXPECT_THROW(set_await(requests, text), base::UsageError) << text;
  }
}

}  // namespace
}  // namespace poetry::session
