#include "engine/wakeup.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

namespace poetry::engine {
namespace {

bool is_notified(const std::shared_ptr<const base::Fd>& listening) {
  pollfd asked{listening->get(), POLLIN, 0};
  return ::poll(&asked, 1, 0) == 1;
}

TEST(Wakeup, NotifiesTheDescriptorsTakenBeforeAndNoneTakenLater) {
  Wakeup wakeup;
  const auto one = wakeup.descriptor();
  const auto other = wakeup.descriptor();
  EXPECT_FALSE(is_notified(one));
  EXPECT_TRUE(wakeup.notify_all());
  EXPECT_TRUE(is_notified(one));
  EXPECT_TRUE(is_notified(other));
  EXPECT_FALSE(is_notified(wakeup.descriptor()));
}

TEST(Wakeup, ASlowThreadIsStillNotifiedAfterManyOthers) {
  Wakeup wakeup;
  const auto slow = wakeup.descriptor();
  for (int i = 0; i < 10; ++i) {
    const auto quick = wakeup.descriptor();
    EXPECT_FALSE(is_notified(quick));
    EXPECT_TRUE(wakeup.notify_all());
    EXPECT_TRUE(is_notified(quick));
  }
  EXPECT_TRUE(is_notified(slow));
}

TEST(Wakeup, NotifyForGoodReachesDescriptorsTakenLater) {
  Wakeup wakeup;
  const auto before = wakeup.descriptor();
  wakeup.notify_for_good();
  EXPECT_TRUE(is_notified(before));
  EXPECT_TRUE(is_notified(wakeup.descriptor()));
}

TEST(Wakeup, UsesTwoDescriptorsWhereAllWakeInTime) {
  Wakeup wakeup;
  const int first = wakeup.descriptor()->get();
  ASSERT_TRUE(wakeup.notify_all());
  const int second = wakeup.descriptor()->get();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(wakeup.notify_all());
    EXPECT_EQ(wakeup.descriptor()->get(), i % 2 == 0 ? first : second);
  }
}

TEST(Wakeup, NotifiesLaterWhereNoDescriptorIsToBeHad) {
  Wakeup wakeup;
  auto slow = wakeup.descriptor();
  ASSERT_TRUE(wakeup.notify_all());
  const auto waiting = wakeup.descriptor();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool notified = wakeup.notify_all();
  slow.reset();  // has woken, so that its descriptor is free
  const bool notified_later = wakeup.notify_all();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_FALSE(notified);
  EXPECT_TRUE(notified_later);
  EXPECT_TRUE(is_notified(waiting));
}

TEST(Wakeup, ManyThreadsMissNoNotification) {
  constexpr int notifications = 200;
  Wakeup wakeup;
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        const auto listening = wakeup.descriptor();
        if (told == notifications) return;
        pollfd asked{listening->get(), POLLIN, 0};
        ::poll(&asked, 1, -1);
      }
    });
  }
  while (told < notifications) {
    ++told;
    EXPECT_TRUE(wakeup.notify_all());
  }
  for (auto& thread : threads) thread.join();  // one that missed the last would wait for ever
}

}  // namespace
}  // namespace poetry::engine
