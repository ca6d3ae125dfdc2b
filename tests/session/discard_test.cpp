#include <gtest/gtest.h>

#include <string>

#include "session/services.hpp"
#include "support/epoch.hpp"

namespace poetry::session {
namespace {

TEST(Discard, TakesEverythingAndEndsWhenThePeerHas) {
  const auto service = make_service(parse_service("discard", {}), {});
  const auto session = service->open({}, support::epoch);
  for (const auto& bytes : {std::string("a\n"), std::string(1, '\0'), std::string(1 << 20, 'x')}) {
    EXPECT_EQ(std::get<Listen>(session->next(support::epoch)).until, base::never);
    session->receive(bytes);
  }
  EXPECT_EQ(std::get<Listen>(session->next(support::epoch)).until, base::never);
  session->receive({});
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

TEST(Discard, ADrainingServiceFinishesItsSessions) {
  const auto service = make_service(parse_service("discard", {}), {});
  const auto session = service->open({}, support::epoch);
  EXPECT_TRUE(std::holds_alternative<Listen>(session->next(support::epoch)));
  service->drain();
  EXPECT_TRUE(std::holds_alternative<Finish>(session->next(support::epoch)));
}

}  // namespace
}  // namespace poetry::session
