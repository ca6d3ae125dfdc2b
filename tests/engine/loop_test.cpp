// The loop's own rules, with an engine that takes what the test lets it take. The control
// descriptor is always readable, so that the host plays one step of its script in every turn.
#include "engine/loop.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <deque>
#include <functional>

#include "reactor/multiplexer.hpp"
#include "support/rig.hpp"

namespace poetry::engine {
namespace {

using namespace std::chrono_literals;

struct ScriptedHost : Host {
  Command control(Connections& /*connections*/) override {
    if (steps.empty()) return Command::stop;
    const auto step = steps.front();
    steps.pop_front();
    step();
    return Command::go_on;
  }
  void ready() override { ++readied; }
  Command ended(const Ended& connection) override {
    endings.emplace_back(connection.number, connection.reason);
    return Command::go_on;
  }
  std::deque<std::function<void()>> steps;
  std::vector<std::pair<std::uint64_t, Reason>> endings;
  int readied = 0;
};

/// Holds up to `most` connections until the test lets one go.
class Narrow : public Loop {
 public:
  using Loop::Loop;
  struct Held {
    AcceptedSocket accepted;
    SharedTerms terms;
  };
  void let_go() {
    const auto held = std::move(held_.front());
    held_.pop_front();
    released({held.terms->port, held.accepted.address, held.accepted.peer.number, 0, 0s,
              Reason::finished},
             *held.terms);
  }
  [[nodiscard]] std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> numbers;
    for (const auto& held : held_) numbers.push_back(held.accepted.peer.number);
    return numbers;
  }
  std::size_t max = 100;
  std::errc shortage = std::errc::resource_unavailable_try_again;
  int refusals = 0;

 private:
  void admit(AcceptedSocket& accepted, const SharedTerms& terms) override {
    if (held_.size() >= max) {
      ++refusals;
      throw std::system_error(std::make_error_code(shortage), "hold a connection");
    }
    held_.push_back({std::move(accepted), terms});
  }
  void tell(const session::Service& /*service*/) override {}
  void end_if(const std::function<bool(const engine::Held&)>& /*unwanted*/) override {}
  void end_all() override {
    while (!held_.empty()) let_go();
  }
  std::list<Held> held_;
};

std::vector<Port> one_port() {
  std::vector<Port> ports(1);
  ports[0].listener = support::listen_on_loopback();
  ports[0].counters = std::make_shared<Counters>();
  ports[0].service = support::endless();
  ports[0].quota = std::make_shared<Quota>();
  return ports;
}

class LoopTest : public testing::Test {
 protected:
  /// What happens in a turn each; then the loop stops.
  void play(std::initializer_list<std::function<void()>> steps) {
    host_.steps.assign(steps);
    loop_.run();
  }
  void expect_held(const std::vector<std::uint64_t>& numbers) const {
    EXPECT_EQ(loop_.numbers(), numbers);
  }
  using Endings = std::vector<std::pair<std::uint64_t, Reason>>;

  base::Fd control_{::eventfd(1, EFD_CLOEXEC)};
  std::vector<Port> ports_ = one_port();
  net::Address address_ = net::local_address(ports_[0].listener.get());
  ScriptedHost host_;
  std::unique_ptr<reactor::Multiplexer> poll_ = reactor::make_poll();
  Narrow loop_{*poll_, ports_, host_, {{control_.get()}, 0s}};
  std::array<base::Fd, 3> clients_{support::connect_to(address_), support::connect_to(address_),
                                   support::connect_to(address_)};
};

TEST_F(LoopTest, WhoCannotBeTakenYetIsTakenWhenAnotherHasEnded) {
  loop_.max = 1;
  play({[] {},
        [&] {
          expect_held({1});
          EXPECT_EQ(loop_.refusals, 1) << "and the third waits in the backlog";
          loop_.let_go();
        },
        [&] {
          expect_held({2});
          loop_.let_go();
        },
        [&] { expect_held({3}); }});
  EXPECT_EQ(host_.endings,
            (Endings{{1, Reason::finished}, {2, Reason::finished}, {3, Reason::finished}}));
  EXPECT_EQ(ports_[0].counters->accepted, 3U);
}

TEST_F(LoopTest, TheHostIsToldOnceThatAllIsSetUp) {
  EXPECT_EQ(host_.readied, 0);
  play({[&] { EXPECT_EQ(host_.readied, 1) << "before anybody is taken"; }, [] {}});
  EXPECT_EQ(host_.readied, 1);
}

TEST_F(LoopTest, WhoWaitsAtTheEndIsResetAndReported) {
  loop_.max = 1;
  play({[] {}});
  EXPECT_EQ(host_.endings, (Endings{{2, Reason::shutdown}, {1, Reason::finished}}));
  EXPECT_EQ(support::hear(clients_[1].get()).ended.error, std::errc::connection_reset);
}

TEST_F(LoopTest, WhoWaitsHoldsNoPlaceInTheQuota) {
  loop_.max = 1;
  play({[] {}, [&] { EXPECT_EQ(ports_[0].quota->held, 1U); }});
  EXPECT_EQ(ports_[0].quota->held, 0U);
}

TEST_F(LoopTest, WhomTheEngineFailsIsResetAndReported) {
  loop_.max = 0;
  loop_.shortage = std::errc::permission_denied;
  play({[] {}, [] {}});
  EXPECT_EQ(host_.endings, (Endings{{1, Reason::fault}, {2, Reason::fault}, {3, Reason::fault}}));
  EXPECT_EQ(support::hear(clients_[0].get()).ended.error, std::errc::connection_reset);
  EXPECT_EQ(ports_[0].quota->held, 0U);
}

TEST_F(LoopTest, ALargerQuotaTakesEffectAtOnce) {
  ports_[0].quota->limit = 1;
  play({[] {},
        [&] {
          expect_held({1});
          ports_[0].quota->limit = 2;
        },
        [] {},
        [&] {
          expect_held({1, 2});
        }});
}

TEST_F(LoopTest, WhateverEndsItNoConnectionIsLeft) {
  EXPECT_THROW(play({[] {}, [] { throw std::runtime_error("the host has failed"); }}),
               std::runtime_error);
  EXPECT_EQ(host_.endings.size(), 3U);
  EXPECT_FALSE(ports_[0].listener);
}

TEST_F(LoopTest, ThoseWhoTakeAProcessEachComeInByEights) {
  Narrow forking(*poll_, ports_, host_, {{control_.get()}, 0s}, News::elsewhere);
  std::vector<base::Fd> others;
  while (others.size() < 9) others.push_back(support::connect_to(address_));
  host_.steps = {[] {}, [&] { EXPECT_EQ(forking.numbers().size(), 8U); },
                 [&] { EXPECT_EQ(forking.numbers().size(), 12U); }};
  forking.run();
}

TEST_F(LoopTest, GoesOnWhereATurnFindsNoMemory) {
  bool went_on = false;
  play({[] {}, [] { throw std::bad_alloc(); },
        [&] {
          went_on = true;
          expect_held({1, 2, 3});
        }});
  EXPECT_TRUE(went_on);
}

/// Fails to be refreshed, but for the first time.
struct Unrefreshed : session::Service {
  explicit Unrefreshed(int its_readable) : readable(its_readable) {}
  std::unique_ptr<session::Session> open(const session::Peer& /*peer*/,
                                         base::TimePoint /*now*/) override {
    return nullptr;
  }
  session::Refresh refresh(base::TimePoint /*now*/) override {
    if (++refreshes > 1) throw std::runtime_error("no news today");
    return {.readable = readable};
  }
  int readable;
  int refreshes = 0;
};

TEST_F(LoopTest, AServiceThatCannotBeRefreshedIsNotAskedAgainAtOnce) {
  const base::Fd news{::eventfd(1, EFD_CLOEXEC)};
  const auto service = std::make_shared<Unrefreshed>(news.get());
  ports_[0].service = service;
  play({[] {}, [] {}, [] {},
        [&] {
          expect_held({1, 2, 3});
          EXPECT_EQ(service->refreshes, 2) << "though its descriptor is readable";
        }});
}

/// Fails to wait for one descriptor: the fourth that it is given.
class FailingPoll : public reactor::Multiplexer {
 public:
  void set(int fd, reactor::Interest interest) override {
    if (interest != reactor::Interest::none && ++given_ == 4) {
      throw std::system_error(std::make_error_code(std::errc::no_space_on_device), "wait");
    }
    poll_->set(fd, interest);
  }
  std::span<const reactor::Ready> wait(base::Duration timeout) override {
    return poll_->wait(timeout);
  }

 private:
  int given_ = 0;
  std::unique_ptr<reactor::Multiplexer> poll_ = reactor::make_poll();
};

TEST_F(LoopTest, AConnectionThatCannotBeWaitedForEndsAlone) {
  host_.steps = {[] {}, [] {}};
  // The control descriptor and the listener come first.
  make_reactor_engine([] {
    return std::make_unique<FailingPoll>();
  }).serve(ports_, host_, {{control_.get()}, 0s});
  EXPECT_EQ(host_.endings,
            (Endings{{2, Reason::fault}, {1, Reason::shutdown}, {3, Reason::shutdown}}));
  EXPECT_EQ(support::hear(clients_[1].get()).ended.error, std::errc::connection_reset);
}

}  // namespace
}  // namespace poetry::engine
