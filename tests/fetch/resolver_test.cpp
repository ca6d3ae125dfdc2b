// Names that many ask for, that are slow, and for which there is no descriptor.
#include "fetch/resolver.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace poetry::fetch {
namespace {

using net::Family;

net::Resolved found(const std::string& host = "127.0.0.1") {
  return net::resolve_numeric({host, 1});
}

class ResolverTest : public ::testing::Test {
 protected:
  /// Lookups of names that begin with "slow" wait for this test's end.
  ~ResolverTest() override { gate_->set_value(); }

  Lookup counting(std::function<net::Resolved(const std::string&)> answer) {
    // Nothing of this test's own: a lookup that nobody waits for may begin after its end.
    return [count = lookups_, answer = std::move(answer), gate = gate_,
            opened = gate_->get_future().share()](const net::HostPort& where, Family) {
      ++*count;
      if (where.host.starts_with("slow")) opened.wait();
      return answer(where.host);
    };
  }

  std::uint64_t ask(Resolver& resolver, const std::string& host, std::uint16_t port = 1) {
    return resolver.ask({host, port}, Family::any,
                        {[this] { ++begun_; },
                         [this](const net::Resolved& answer) { answers_.push_back(answer); }});
  }

  void deliver(Resolver& resolver) {
    pollfd readable{resolver.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&readable, 1, 60'000), 1);
    resolver.deliver();
  }
  void await_answers(Resolver& resolver, std::size_t count) {
    while (answers_.size() < count && !HasFatalFailure()) deliver(resolver);
  }

  std::shared_ptr<std::promise<void>> gate_ = std::make_shared<std::promise<void>>();
  std::shared_ptr<std::atomic<int>> lookups_ = std::make_shared<std::atomic<int>>(0);
  int begun_ = 0;
  std::vector<net::Resolved> answers_;
};

TEST_F(ResolverTest, OneLookupIsForAllThatAskAndItsAnswerIsKept) {
  Resolver resolver(Resolver::make_lookups(counting([](const std::string&) { return found(); })));
  for (std::uint16_t port = 1; port <= 3000; ++port) ask(resolver, "one", port);
  await_answers(resolver, 3000);
  ask(resolver, "one", 4000);
  await_answers(resolver, 3001);
  EXPECT_EQ(*lookups_, 1);
  EXPECT_EQ(answers_[0].addresses.at(0).port(), 1);
  EXPECT_EQ(answers_[2999].addresses.at(0).port(), 3000);
  EXPECT_EQ(answers_[3000].addresses.at(0).port(), 4000);
}

TEST_F(ResolverTest, FamiliesAreLookedUpApart) {
  Resolver resolver(Resolver::make_lookups(counting([](const std::string&) { return found(); })));
  resolver.ask({"one", 1}, Family::ipv4,
               {[] {}, [&](const auto& each) { answers_.push_back(each); }});
  resolver.ask({"one", 1}, Family::ipv6,
               {[] {}, [&](const auto& each) { answers_.push_back(each); }});
  await_answers(resolver, 2);
  EXPECT_EQ(*lookups_, 2);
}

TEST_F(ResolverTest, ANameThatWasNotFoundIsLookedUpAnew) {
  Resolver resolver(Resolver::make_lookups(counting([this](const std::string&) {
    return *lookups_ == 1 ? net::Resolved{{}, {-3, net::resolve_category()}} : found();
  })));
  ask(resolver, "late");
  await_answers(resolver, 1);
  EXPECT_TRUE(answers_[0].addresses.empty());
  ask(resolver, "late");
  await_answers(resolver, 2);
  EXPECT_FALSE(answers_[1].addresses.empty());
}

TEST_F(ResolverTest, NamesThatNobodyWaitsForHoldUpNoOther) {
  Resolver resolver(Resolver::make_lookups(counting([](const std::string&) { return found(); })));
  std::vector<std::uint64_t> tickets;
  for (int name = 0; name < 200; ++name)
    tickets.push_back(ask(resolver, "slow" + std::to_string(name)));
  ask(resolver, "quick");
  while (begun_ < 64) deliver(resolver);
  EXPECT_EQ(begun_, 64) << "as many as are looked up at once";
  for (const auto ticket : tickets) resolver.forget(ticket);
  await_answers(resolver, 1);
  EXPECT_FALSE(answers_[0].addresses.empty());
}

TEST_F(ResolverTest, AnotherNameTakesThePlaceOfOneThatNobodyWaitsFor) {
  Resolver resolver(Resolver::make_lookups(counting([](const std::string&) { return found(); })));
  std::vector<std::uint64_t> tickets;
  for (int name = 0; name < 64; ++name)
    tickets.push_back(ask(resolver, "slow" + std::to_string(name)));
  while (begun_ < 64) deliver(resolver);
  ask(resolver, "quick");
  resolver.forget(tickets.back());
  await_answers(resolver, 1);
  EXPECT_FALSE(answers_[0].addresses.empty());
}

TEST_F(ResolverTest, NamesThatWereFoundMakeRoomForOthers) {
  Resolver resolver(Resolver::make_lookups(counting([](const std::string&) { return found(); })));
  for (std::size_t name = 1; name <= 200; ++name) {
    ask(resolver, std::to_string(name));
    await_answers(resolver, name);
  }
  EXPECT_EQ(*lookups_, 200);
}

TEST_F(ResolverTest, WhatLacksADescriptorIsLookedUpAgain) {
  Resolver resolver(Resolver::make_lookups(counting([this](const std::string&) {
    return *lookups_ < 3 ? net::Resolved{{}, std::make_error_code(std::errc::too_many_files_open)}
                         : found();
  })));
  ask(resolver, "one");
  await_answers(resolver, 1);
  EXPECT_FALSE(answers_[0].addresses.empty());
  EXPECT_EQ(begun_, 1);
}

}  // namespace
}  // namespace poetry::fetch
