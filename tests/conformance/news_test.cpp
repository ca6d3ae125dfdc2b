// What services tell their listening sessions, and what a reload changes, under every engine.
#include <gtest/gtest.h>

#include "support/rig.hpp"

namespace poetry {
namespace {

using namespace std::chrono_literals;

/// Its sessions listen until it has news, which there is once one of them is open.
struct Newsagent : Service {
  enum class By { time, descriptor };
  struct Reader : Session {
    explicit Reader(const Newsagent& its_agent) : agent(its_agent) {}
    Step next(TimePoint /*now*/) override {
      if (told) return Finish{};
      if (!agent.out) return Listen{};
      told = true;
      return Write{"news"};
    }
    const Newsagent& agent;
    bool told = false;
  };

  explicit Newsagent(By its_means) : means(its_means) {}
  std::unique_ptr<Session> open(const Peer& /*peer*/, TimePoint /*now*/) override {
    ::eventfd_write(opened.get(), 1);
    return std::make_unique<Reader>(*this);
  }
  Refresh refresh(TimePoint now) override {
    if (!opened) opened = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    eventfd_t count = 0;
    const bool news = ::eventfd_read(opened.get(), &count) == 0;
    if (news) out = true;
    if (means == By::descriptor) return {never, news, opened.get()};
    return {now + 1ms, news};
  }

  By means;
  Fd opened;
  std::atomic<bool> out{false};
};

/// Its sessions send a line and listen until it drains.
struct Patient : Service {
  struct Reader : Session {
    explicit Reader(const Patient& its_service) : service(its_service) {}
    Step next(TimePoint /*now*/) override {
      if (!std::exchange(begun, true)) return Write{"a\n"};
      if (service.draining) return Finish{};
      return Listen{};
    }
    const Patient& service;
    bool begun = false;
  };
  std::unique_ptr<Session> open(const Peer& /*peer*/, TimePoint /*now*/) override {
    return std::make_unique<Reader>(*this);
  }
  void drain() override { draining = true; }
  std::atomic<bool> draining{false};
};

class EveryEngineTells : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineTells, AListeningSessionOfNews) {
  for (const auto means : {Newsagent::By::time, Newsagent::By::descriptor}) {
    Rig rig(GetParam(), std::make_shared<Newsagent>(means));
    const Fd client = connect_to(rig.address());
    EXPECT_EQ(hear(client.get()).bytes, "news");
  }
}

TEST_P(EveryEngineTells, AllListeningSessionsOfDraining) {
  Rig rig(GetParam(), std::make_shared<Patient>(), 0, std::chrono::hours(1));
  std::vector<Fd> clients;
  for (int i = 0; i < 20; ++i) {
    if (i == 10) rig.reload(std::make_shared<Patient>());  // those from before are told as well
    clients.push_back(connect_to(rig.address()));
    half_close(clients.back().get());
    hear_first_line(clients.back().get());
  }
  rig.tell(Command::drain);
  for (const auto& client : clients) EXPECT_EQ(hear(client.get()).ended.status, IoStatus::end);
  EXPECT_EQ(rig.reasons(), std::vector<Reason>(20, Reason::finished));
}

TEST_P(EveryEngineTells, NobodyAnythingAfterAServicesLastSession) {
  auto old = std::make_shared<PoemService>(SealedText::copy("a\nb\n"), Pacing{.delay = 50ms});
  const std::weak_ptr<Service> watched = old;
  Rig rig(GetParam(), std::move(old));
  Fd client = connect_to(rig.address());
  hear_first_line(client.get());
  rig.reload(endless());
  const Fd other = connect_to(rig.address());
  hear_first_line(other.get());
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(hear(client.get()).bytes, "b\n");
  client.reset();
  EXPECT_EQ(rig.reasons(1), std::vector{Reason::finished});
  EXPECT_TRUE(becomes_true([&] { return watched.expired(); })) << "the engine keeps the service";
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineTells, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry
