// Where a job may connect; names of this machine alone, so that no name server is asked.
#include "poetry-sync/work/hosts.hpp"

#include <gtest/gtest.h>

namespace poetry::sync::work {
namespace {

net::Resolved at(std::initializer_list<std::string> hosts) {
  net::Resolved found;
  for (const auto& host : hosts) {
    found.addresses.push_back(net::resolve_numeric({host, 0}).addresses.at(0));
  }
  return found;
}

TEST(Hosts, ANumberIsWhatItSays) {
  for (const std::string host : {"127.0.0.1", "169.254.1.1", "::1", "192.0.2.1"}) {
    const auto found = look_up({host, 0}, net::Family::any);
    ASSERT_EQ(found.addresses.size(), 1U) << host;
    EXPECT_EQ(found.addresses[0].host(), host);
  }
}

TEST(Hosts, ANameOfThisMachineMayStandForIt) {
  EXPECT_FALSE(look_up({"localhost", 0}, net::Family::any).addresses.empty());
}

TEST(Hosts, AreLookedUpTogether) {
  const auto found = look_up_all({"localhost", "127.0.0.2"}, [] { return true; });
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.at("127.0.0.2").addresses.at(0).host(), "127.0.0.2");
  EXPECT_FALSE(found.at("localhost").addresses.empty());
}

TEST(Hosts, ShareTheAddressesThatBothHave) {
  const auto shared = shared_addresses(at({"192.0.2.1", "127.0.0.1"}), at({"192.0.2.1", "::1"}));
  EXPECT_EQ(shared.addresses, at({"192.0.2.1"}).addresses);
  EXPECT_TRUE(shared_addresses(at({"192.0.2.1"}), at({"192.0.2.2"})).addresses.empty());
}

}  // namespace
}  // namespace poetry::sync::work
