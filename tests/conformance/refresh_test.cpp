// What every engine does for a service beside its sessions' steps: it looks for news when the
// service asks for that, wakes the sessions that listen, and tells it that the server ends.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "conformance/toy_service.hpp"
#include "support/notes.hpp"
#include "support/rig.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// Its sessions listen until it sounds: some time after it was asked first, or once a descriptor
/// is readable, which nobody reads, so that every process that serves it hears it.
class Gong : public Service {
 public:
  explicit Gong(Duration after) : after_(after) {}
  explicit Gong(int cue) : cue_(cue) {}

  std::unique_ptr<Session> open(const Peer& /*peer*/, TimePoint /*now*/) override {
    return std::make_unique<Hearer>(sounded_);
  }
  Refresh refresh(TimePoint now) override {
    if (again_ == never && after_ != Duration{0}) again_ = later(now, after_);
    pollfd asked{cue_, POLLIN, 0};
    sounded_ = now >= again_ || ::poll(&asked, 1, 0) > 0;
    return sounded_ ? Refresh{never, true} : Refresh{again_, false, cue_};
  }

 private:
  struct Hearer : Session {
    explicit Hearer(const std::atomic<bool>& has_sounded) : sounded(has_sounded) {}
    Step next(TimePoint /*now*/) override {
      if (!sounded) return Listen{};
      if (heard) return Finish{};
      heard = true;
      return Write{"dong\n"};
    }
    const std::atomic<bool>& sounded;
    bool heard = false;
  };

  Duration after_{0};
  TimePoint again_ = never;
  int cue_ = -1;
  std::atomic<bool> sounded_{false};
};

class EveryEngineRefreshes : public testing::TestWithParam<std::string> {
 protected:
  static void expect_dong(const std::vector<Fd>& clients) {
    for (const auto& client : clients) {
      const auto heard = hear(client.get());
      EXPECT_EQ(heard.bytes, "dong\n");
      EXPECT_EQ(heard.ended.status, IoStatus::end);
    }
  }
};

TEST_P(EveryEngineRefreshes, AServiceWhenItAsksForIt) {
  Rig rig(GetParam(), std::make_shared<Gong>(20ms));
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_to(rig.address()));
  expect_dong(clients);
}

TEST_P(EveryEngineRefreshes, AServiceWhenItsDescriptorIsReadable) {
  Notes cue;
  Rig rig(GetParam(), std::make_shared<Gong>(cue.fd()));
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_to(rig.address()));
  limit_blocking(clients[0].get(), 10ms);
  EXPECT_EQ(hear(clients[0].get()).ended.status, IoStatus::would_block);
  limit_blocking(clients[0].get(), 10s);
  cue.add("now");
  expect_dong(clients);
}

TEST_P(EveryEngineRefreshes, ADrainIsNewsThatLetsAnIdleSessionFinish) {
  Rig rig(GetParam(), std::make_shared<Countdown>(1ms), 0, 10s);
  Fd client = connect_to(rig.address());
  send_some(client.get(), "0\n");
  std::array<char, 2> said{};
  EXPECT_EQ(receive_some(client.get(), said).bytes, 2U);
  std::thread drain([&rig] { rig.tell(Command::drain); });
  const auto heard = hear(client.get());
  client.reset();
  drain.join();
  EXPECT_EQ(heard.bytes, "");
  EXPECT_EQ(heard.ended.status, IoStatus::end);
  EXPECT_EQ(rig.reasons(), std::vector<Reason>{Reason::finished});
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineRefreshes, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry
