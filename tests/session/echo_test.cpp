#include "session/echo.hpp"

#include <gtest/gtest.h>

#include <string>

namespace poetry {
namespace {

constexpr TimePoint now{std::chrono::hours(5)};
constexpr Peer peer{.number = 1, .seed = 0, .port = 0, .process = 4711};

TEST(Echo, GivesBackWhatItReceivesByteForByte) {
  EchoService service(EchoPrefix::none);
  const auto session = service.open(peer, now);
  using namespace std::string_literals;
  for (const auto& bytes : {"a\n"s, "no newline"s, "\0\xff\r\n"s, std::string(1 << 20, 'x')}) {
    EXPECT_EQ(std::get<Listen>(session->next(now)).until, never);
    session->receive(bytes);
    EXPECT_TRUE(std::get<Write>(session->next(now)).bytes == bytes);
  }
}

TEST(Echo, ListensAgainOnlyOnceAllIsSentBack) {
  EchoService service(EchoPrefix::none);
  const auto session = service.open(peer, now);
  session->receive("a");
  EXPECT_TRUE(std::holds_alternative<Write>(session->next(now)));
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(now)));
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(now)));
}

TEST(Echo, APrefixNamesTheProcessBeforeEachPiece) {
  EchoService service(EchoPrefix::pid);
  const auto session = service.open(peer, now);
  for (const std::string bytes : {"a\nb\n", "c"}) {
    session->receive(bytes);
    EXPECT_EQ(std::get<Write>(session->next(now)).bytes, "4711: " + bytes);
    EXPECT_TRUE(std::holds_alternative<Listen>(session->next(now)));
  }
}

TEST(Echo, FinishesWhenThePeerHas) {
  EchoService service(EchoPrefix::pid);
  const auto session = service.open(peer, now);
  session->receive("last");
  EXPECT_EQ(std::get<Write>(session->next(now)).bytes, "4711: last");
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(now)));
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(now)));
}

TEST(Echo, ADrainingServiceFinishesSessionsThatHaveSentAllBack) {
  EchoService service(EchoPrefix::none);
  const auto resting = service.open(peer, now);
  const auto busy = service.open(peer, now);
  EXPECT_TRUE(std::holds_alternative<Listen>(resting->next(now)));
  busy->receive("a");
  service.drain();
  EXPECT_TRUE(std::holds_alternative<Finish>(resting->next(now)));
  EXPECT_EQ(std::get<Write>(busy->next(now)).bytes, "a");
  EXPECT_TRUE(std::holds_alternative<Finish>(busy->next(now)));
}

}  // namespace
}  // namespace poetry
