#include <gtest/gtest.h>

#include <string>

#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

constexpr Peer first_peer{.number = 1, .seed = 0, .port = 0, .process = 4711};

TEST(Echo, GivesBackWhatItReceivesByteForByte) {
  const auto service = make_service(parse_service("echo", {}), {});
  const auto session = service->open(first_peer, support::epoch);
  using namespace std::string_literals;
  for (const auto& bytes : {"a\n"s, "no newline"s, "\0\xff\r\n"s, std::string(1 << 20, 'x')}) {
    EXPECT_EQ(std::get<Listen>(session->next(support::epoch)).until, base::never);
    session->receive(bytes);
    EXPECT_TRUE(std::get<Write>(session->next(support::epoch)).bytes == bytes);
  }
}

TEST(Echo, ListensAgainOnlyOnceAllIsSentBack) {
  const auto service = make_service(parse_service("echo", {}), {});
  const auto session = service->open(first_peer, support::epoch);
  session->receive("a");
  EXPECT_TRUE(std::holds_alternative<Write>(session->next(support::epoch)));
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(support::epoch)));
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(support::epoch)));
}

TEST(Echo, APrefixNamesTheProcessBeforeEachPiece) {
  const auto service = make_service(parse_service("echo,prefix=pid", {}), {});
  const auto session = service->open(first_peer, support::epoch);
  for (const std::string bytes : {"a\nb\n", "c"}) {
    session->receive(bytes);
    EXPECT_EQ(std::get<Write>(session->next(support::epoch)).bytes, "4711: " + bytes);
    EXPECT_TRUE(std::holds_alternative<Listen>(session->next(support::epoch)));
  }
}

TEST(Echo, FinishesWhenThePeerHas) {
  const auto service = make_service(parse_service("echo,prefix=pid", {}), {});
  const auto session = service->open(first_peer, support::epoch);
  session->receive("last");
  EXPECT_EQ(std::get<Write>(session->next(support::epoch)).bytes, "4711: last");
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(support::epoch)));
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

TEST(Echo, ADrainingServiceFinishesSessionsThatHaveSentAllBack) {
  const auto service = make_service(parse_service("echo", {}), {});
  const auto resting = service->open(first_peer, support::epoch);
  const auto busy = service->open(first_peer, support::epoch);
  EXPECT_TRUE(std::holds_alternative<Listen>(resting->next(support::epoch)));
  busy->receive("a");
  service->drain();
  EXPECT_TRUE(std::holds_alternative<Finish>(resting->next(support::epoch)));
  EXPECT_EQ(std::get<Write>(busy->next(support::epoch)).bytes, "a");
  EXPECT_TRUE(std::holds_alternative<Finish>(busy->next(support::epoch)));
}

}  // namespace
}  // namespace poetry::session
