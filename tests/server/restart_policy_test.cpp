#include "poetry-server/restart_policy.hpp"

#include <gtest/gtest.h>

namespace poetry::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto short_life = RestartPolicy::sound_life - base::Duration{1};

TEST(RestartPolicy, ReplacesAtOnceWhoDiesForTheFirstTime) {
  EXPECT_EQ(RestartPolicy().ended(base::Duration{0}), base::Duration{0});
  EXPECT_EQ(RestartPolicy().ended(seconds(1000)), base::Duration{0});
}

TEST(RestartPolicy, DoublesThePausesOfShortLivesAndGivesUp) {
  RestartPolicy policy;
  EXPECT_EQ(policy.ended(short_life), base::Duration{0});
  base::Duration sum{0};
  for (const int pause : {100, 200, 400, 800, 1600, 3200}) {
    EXPECT_EQ(policy.ended(short_life), milliseconds(pause));
    sum += milliseconds(pause);
  }
  EXPECT_EQ(policy.ended(short_life), std::nullopt);
  EXPECT_EQ(sum, milliseconds(6300));
}

TEST(RestartPolicy, GivesUpAtTheEighthShortLife) {
  RestartPolicy policy;
  for (int life = 1; life < RestartPolicy::max_short_lives; ++life) {
    EXPECT_TRUE(policy.ended(base::Duration{0})) << life;
  }
  EXPECT_FALSE(policy.ended(base::Duration{0}));
}

TEST(RestartPolicy, ForgetsShortLivesAfterASoundOne) {
  RestartPolicy policy;
  for (int life = 1; life < RestartPolicy::max_short_lives; ++life) policy.ended(base::Duration{0});
  EXPECT_EQ(policy.ended(RestartPolicy::sound_life), base::Duration{0});
  EXPECT_EQ(policy.ended(short_life), base::Duration{0});
  EXPECT_EQ(policy.ended(short_life), RestartPolicy::first_pause);
}

TEST(RestartPolicy, NeverGivesUpOnWhoLivesLongEnough) {
  RestartPolicy policy;
  for (int life = 0; life < 1000; ++life) {
    EXPECT_EQ(policy.ended(RestartPolicy::sound_life), base::Duration{0});
  }
}

}  // namespace
}  // namespace poetry::server
