#include "engine/bell.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

namespace poetry::engine {
namespace {

bool is_rung(const std::shared_ptr<const base::Fd>& listening) {
  pollfd asked{listening->get(), POLLIN, 0};
  return ::poll(&asked, 1, 0) == 1;
}

TEST(Bell, ARingReachesWhoListensAndNobodyLater) {
  Bell bell;
  const auto one = bell.listen();
  const auto other = bell.listen();
  EXPECT_FALSE(is_rung(one));
  EXPECT_TRUE(bell.ring());
  EXPECT_TRUE(is_rung(one));
  EXPECT_TRUE(is_rung(other));
  EXPECT_FALSE(is_rung(bell.listen()));
}

TEST(Bell, WhoIsSlowStillHearsTheFirstOfManyRings) {
  Bell bell;
  const auto slow = bell.listen();
  for (int i = 0; i < 10; ++i) {
    const auto quick = bell.listen();
    EXPECT_FALSE(is_rung(quick));
    EXPECT_TRUE(bell.ring());
    EXPECT_TRUE(is_rung(quick));
  }
  EXPECT_TRUE(is_rung(slow));
}

TEST(Bell, TheLastRingReachesWhoListensLaterToo) {
  Bell bell;
  const auto before = bell.listen();
  bell.ring_for_good();
  EXPECT_TRUE(is_rung(before));
  EXPECT_TRUE(is_rung(bell.listen()));
}

TEST(Bell, TwoDescriptorsAreEnoughWhereAllWakeInTime) {
  Bell bell;
  const int first = bell.listen()->get();
  ASSERT_TRUE(bell.ring());
  const int second = bell.listen()->get();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(bell.ring());
    EXPECT_EQ(bell.listen()->get(), i % 2 == 0 ? first : second);
  }
}

TEST(Bell, WithoutADescriptorToBeHadItRingsAgainLater) {
  Bell bell;
  auto slow = bell.listen();
  ASSERT_TRUE(bell.ring());
  const auto waiting = bell.listen();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool rung = bell.ring();
  slow.reset();  // has woken, so that its descriptor is free
  const bool rung_later = bell.ring();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_FALSE(rung);
  EXPECT_TRUE(rung_later);
  EXPECT_TRUE(is_rung(waiting));
}

TEST(Bell, ManyThreadsMissNoRing) {
  constexpr int rings = 200;
  Bell bell;
  std::atomic<int> rung{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        const auto listening = bell.listen();
        if (rung == rings) return;
        pollfd asked{listening->get(), POLLIN, 0};
        ::poll(&asked, 1, -1);
      }
    });
  }
  while (rung < rings) {
    ++rung;
    EXPECT_TRUE(bell.ring());
  }
  for (auto& thread : threads) thread.join();  // who missed the last one would wait for ever
}

}  // namespace
}  // namespace poetry::engine
