#include "net/address.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace poetry::net {
namespace {

TEST(HostPort, ReadsHostAndPort) {
  EXPECT_EQ(parse_host_port("10000"), (HostPort{"127.0.0.1", 10000}));
  EXPECT_EQ(parse_host_port("localhost:80"), (HostPort{"localhost", 80}));
  EXPECT_EQ(parse_host_port("[::1]:65535"), (HostPort{"::1", 65535}));
  EXPECT_EQ(parse_host_port("[127.0.0.1]:1"), (HostPort{"127.0.0.1", 1}));
  EXPECT_EQ(parse_host_port("0", 0), (HostPort{"127.0.0.1", 0}));
}

TEST(HostPort, IsWrittenAsItIsRead) {
  for (const auto* text : {"127.0.0.1:10000", "[::1]:1", "localhost:80"}) {
    EXPECT_EQ(to_string(parse_host_port(text)), text);
  }
}

class BadHostPort : public testing::TestWithParam<const char*> {};
TEST_P(BadHostPort, IsRefusedByName) {
  try {
    parse_host_port(GetParam());
    FAIL() << GetParam();
  } catch (const base::UsageError& error) {
    EXPECT_TRUE(std::string(error.what()).ends_with(std::string(": ") + GetParam()));
  }
}
INSTANTIATE_TEST_SUITE_P(Texts, BadHostPort,
                         testing::Values("", "0", "65536", "x", "host:", ":1", "::1:1", "[::1]",
                                         "[::1", "a b:1", "a\x1b[0m:1", "a\x7f:1", "[]:1",
                                         "host:1x", "1:2:3", "host:-1"));

TEST(Resolve, TakesNumbersWithoutAResolver) {
  const auto resolved = resolve_numeric({"::1", 7});
  ASSERT_EQ(resolved.addresses.size(), 1U);
  EXPECT_EQ(to_string(resolved.addresses[0]), "[::1]:7");
  EXPECT_TRUE(resolve_numeric({"localhost", 7}).addresses.empty());
  EXPECT_TRUE(resolve_numeric({"::1", 7}, Family::ipv4).addresses.empty());
}

TEST(Resolve, SaysWhyANameIsUnknown) {
  const auto resolved = resolve({"name.invalid", 7});  // RFC 6761: never resolves
  EXPECT_TRUE(resolved.addresses.empty());
  EXPECT_TRUE(resolved.error);
  EXPECT_FALSE(resolved.error.message().empty());
}

}  // namespace
}  // namespace poetry::net
