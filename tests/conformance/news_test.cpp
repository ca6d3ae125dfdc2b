// What services tell their listening sessions, and what a reload changes, under every engine.
#include <gtest/gtest.h>

#include "support/rig.hpp"

namespace poetry::conformance {
namespace {

using namespace std::chrono_literals;

/// Its sessions listen until it has news, which there is once one of them is open.
struct Newsagent : session::Service {
  enum class By { time, descriptor };
  struct Reader : session::Session {
    explicit Reader(const Newsagent& its_agent) : agent(its_agent) {}
    session::Step next(base::TimePoint /*now*/) override {
      if (told) return session::Finish{};
      if (!agent.out) return session::Listen{};
      told = true;
      return session::Write{"news"};
    }
    const Newsagent& agent;
    bool told = false;
  };

  explicit Newsagent(By its_means) : means(its_means) {}
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    ::eventfd_write(opened.get(), 1);
    return std::make_unique<Reader>(*this);
  }
  session::Refresh refresh(base::TimePoint now) override {
    if (!opened) opened = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    eventfd_t count = 0;
    const bool news = ::eventfd_read(opened.get(), &count) == 0;
    if (news) out = true;
    if (means == By::descriptor) return {base::never, news, opened.get()};
    return {now + 1ms, news};
  }

  By means;
  base::Fd opened;
  std::atomic<bool> out{false};
};

/// Its sessions send a line and listen until it drains.
struct Patient : session::Service {
  struct Reader : session::Session {
    explicit Reader(const Patient& its_service) : service(its_service) {}
    session::Step next(base::TimePoint /*now*/) override {
      if (!std::exchange(begun, true)) return session::Write{"a\n"};
      if (service.draining) return session::Finish{};
      return session::Listen{};
    }
    const Patient& service;
    bool begun = false;
  };
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    return std::make_unique<Reader>(*this);
  }
  void drain() override { draining = true; }
  std::atomic<bool> draining{false};
};

class EveryEngineTells : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineTells, AListeningSessionOfNews) {
  for (const auto means : {Newsagent::By::time, Newsagent::By::descriptor}) {
    support::Rig rig(GetParam(), std::make_shared<Newsagent>(means));
    const base::Fd client = support::connect_to(rig.address());
    EXPECT_EQ(support::hear(client.get()).bytes, "news");
  }
}

TEST_P(EveryEngineTells, AllListeningSessionsOfDraining) {
  support::Rig rig(GetParam(), std::make_shared<Patient>(), 0, std::chrono::hours(1));
  std::vector<base::Fd> clients;
  for (int i = 0; i < 20; ++i) {
    if (i == 10) rig.reload(std::make_shared<Patient>());  // those from before are told as well
    clients.push_back(support::connect_to(rig.address()));
    net::half_close(clients.back().get());
    support::hear_first_line(clients.back().get());
  }
  rig.tell(engine::Command::drain);
  for (const auto& client : clients)
    EXPECT_EQ(support::hear(client.get()).ended.status, net::IoStatus::end);
  EXPECT_EQ(rig.reasons(), std::vector<engine::Reason>(20, engine::Reason::finished));
}

TEST_P(EveryEngineTells, NobodyAnythingAfterAServicesLastSession) {
  auto old = std::make_shared<session::PoemService>(base::SealedText::copy("a\nb\n"),
                                                    session::Pacing{.delay = 50ms});
  const std::weak_ptr<session::Service> watched = old;
  support::Rig rig(GetParam(), std::move(old));
  base::Fd client = support::connect_to(rig.address());
  support::hear_first_line(client.get());
  rig.reload(support::endless());
  const base::Fd other = support::connect_to(rig.address());
  support::hear_first_line(other.get());
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(support::hear(client.get()).bytes, "b\n");
  client.reset();
  EXPECT_EQ(rig.reasons(1), std::vector{engine::Reason::finished});
  EXPECT_TRUE(support::becomes_true([&] { return watched.expired(); }))
      << "the engine keeps the service";
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineTells, testing::ValuesIn(every_engine()),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace poetry::conformance
