// What every engine does for a service beside its sessions' steps: it looks for news when the
// service asks for that, wakes the sessions that listen, and tells it that the server ends.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "conformance/toy_service.hpp"
#include "support/notes.hpp"
#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

/// Its sessions listen until it sounds: some time after it was asked first, or once a descriptor
/// is readable, which nobody reads, so that every process that serves it hears it.
class Gong : public session::Service {
 public:
  explicit Gong(base::Duration after) : after_(after) {}
  explicit Gong(int cue) : cue_(cue) {}

  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    return std::make_unique<Hearer>(sounded_);
  }
  session::Refresh refresh(base::TimePoint now) override {
    if (again_ == base::never && after_ != base::Duration{0}) again_ = base::later(now, after_);
    pollfd asked{cue_, POLLIN, 0};
    sounded_ = now >= again_ || ::poll(&asked, 1, 0) > 0;
    return sounded_ ? session::Refresh{base::never, true} : session::Refresh{again_, false, cue_};
  }

 private:
  struct Hearer : session::Session {
    explicit Hearer(const std::atomic<bool>& has_sounded) : sounded(has_sounded) {}
    session::Step next(base::TimePoint /*now*/) override {
      if (!sounded) return session::Listen{};
      if (heard) return session::Finish{};
      heard = true;
      return session::Write{"dong\n"};
    }
    const std::atomic<bool>& sounded;
    bool heard = false;
  };

  base::Duration after_{0};
  base::TimePoint again_ = base::never;
  int cue_ = -1;
  std::atomic<bool> sounded_{false};
};

class EveryEngineRefreshes : public testing::TestWithParam<std::string> {
 protected:
  static void expect_dong(const std::vector<base::Fd>& clients) {
    for (const auto& client : clients) {
      const auto heard = support::hear(client.get());
      EXPECT_EQ(heard.bytes, "dong\n");
      EXPECT_EQ(heard.ended.status, net::IoStatus::end);
    }
  }
};

TEST_P(EveryEngineRefreshes, AServiceWhenItAsksForIt) {
  support::Rig rig(GetParam(), std::make_shared<Gong>(20ms));
  std::vector<base::Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(support::connect_to(rig.address()));
  expect_dong(clients);
}

TEST_P(EveryEngineRefreshes, AServiceWhenItsDescriptorIsReadable) {
  support::Notes cue;
  support::Rig rig(GetParam(), std::make_shared<Gong>(cue.fd()));
  std::vector<base::Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(support::connect_to(rig.address()));
  net::limit_blocking(clients[0].get(), 10ms);
  EXPECT_EQ(support::hear(clients[0].get()).ended.status, net::IoStatus::would_block);
  net::limit_blocking(clients[0].get(), 10s);
  cue.add("now");
  expect_dong(clients);
}

TEST_P(EveryEngineRefreshes, ADrainIsNewsThatLetsAnIdleSessionFinish) {
  support::Rig rig(GetParam(), std::make_shared<Countdown>(1ms), 0, 10s);
  base::Fd client = support::connect_to(rig.address());
  net::send_some(client.get(), "0\n");
  std::array<char, 2> said{};
  EXPECT_EQ(net::receive_some(client.get(), said).bytes, 2U);
  std::thread drain([&rig] { rig.tell(engine::Command::drain); });
  const auto heard = support::hear(client.get());
  client.reset();
  drain.join();
  EXPECT_EQ(heard.bytes, "");
  EXPECT_EQ(heard.ended.status, net::IoStatus::end);
  EXPECT_EQ(rig.reasons(), std::vector<engine::Reason>{engine::Reason::finished});
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineRefreshes, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry::conformance
