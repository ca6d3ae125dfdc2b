#include "session/discard.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/epoch.hpp"

namespace poetry {
namespace {

TEST(Discard, TakesEverythingAndEndsWhenThePeerHas) {
  DiscardService service;
  const auto session = service.open({}, epoch);
  for (const auto& bytes : {std::string("a\n"), std::string(1, '\0'), std::string(1 << 20, 'x')}) {
    EXPECT_EQ(std::get<Listen>(session->next(epoch)).until, never);
    session->receive(bytes);
  }
  EXPECT_EQ(std::get<Listen>(session->next(epoch)).until, never);
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(epoch)));
}

TEST(Discard, ADrainingServiceFinishesItsSessions) {
  DiscardService service;
  const auto session = service.open({}, epoch);
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(epoch)));
  service.drain();
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(epoch)));
}

}  // namespace
}  // namespace poetry
