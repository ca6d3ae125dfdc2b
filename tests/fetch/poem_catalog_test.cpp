#include "fetch/poem_catalog.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "fetch/servers.hpp"

namespace poetry::fetch {
namespace {

const net::HostPort asked{"192.0.2.1", 9};
const std::string digest(64, 'a');

TEST(PoemCatalog, TellsWhatToExpectOfEachPoem) {
  const auto catalog = parse_catalog(
      R"([{"host": "127.0.0.1", "port": 10000, "service": "poem", "name": "a.txt", "bytes": 577,
           "lines": 20, "sha256": ")" +
          digest + R"(", "delay": 0.5},
          {"host": "127.0.0.1", "port": 10001, "service": "echo", "name": "echo"},
          {"host": "::1", "port": 10002, "service": "poem", "name": "endless", "delay": 1}])",
      asked);
  ASSERT_EQ(catalog.poems.size(), 2U);
  EXPECT_EQ(catalog.poems[0].where, (net::HostPort{"127.0.0.1", 10000}));
  EXPECT_EQ(catalog.poems[0].expected.bytes, 577U);
  EXPECT_EQ(catalog.poems[0].expected.sha256, base::parse_digest(digest));
  EXPECT_EQ(catalog.poems[1].where, (net::HostPort{"::1", 10002}));
  EXPECT_FALSE(catalog.poems[1].expected.bytes);
  EXPECT_FALSE(catalog.poems[1].expected.sha256);
  EXPECT_EQ(catalog.others, 1U);
}

TEST(PoemCatalog, AWildcardHostIsTheCatalogsOwn) {
  const auto catalog = parse_catalog(
      R"([{"host": "0.0.0.0", "port": 1, "service": "poem"},
          {"host": "::", "port": 2, "service": "poem"}])",
      asked);
  ASSERT_EQ(catalog.poems.size(), 2U);
  EXPECT_EQ(catalog.poems[0].where, (net::HostPort{"192.0.2.1", 1}));
  EXPECT_EQ(catalog.poems[1].where, (net::HostPort{"192.0.2.1", 2}));
}

TEST(PoemCatalog, MayBeEmpty) { EXPECT_TRUE(parse_catalog("[]", asked).poems.empty()); }

class BadCatalog : public ::testing::TestWithParam<const char*> {};
TEST_P(BadCatalog, IsRefused) {
  EXPECT_THROW(parse_catalog(GetParam(), asked), std::runtime_error);
}
INSTANTIATE_TEST_SUITE_P(
    Texts, BadCatalog,
    ::testing::Values("", "poem", "{}", "[1]", "[{}]", "[[[[", "[] []",
                      R"([{"host": "a", "port": 1}])",
                      R"([{"host": 1, "port": 1, "service": "poem"}])",
                      R"([{"host": "a", "port": "1", "service": "poem"}])",
                      R"([{"host": "a", "port": 0, "service": "poem"}])",
                      R"([{"host": "a", "port": 65536, "service": "echo"}])",
                      R"([{"host": "a", "port": 1.5, "service": "poem"}])",
                      R"([{"host": "a b", "port": 1, "service": "poem"}])",
                      R"([{"host": "a\u001b[0m", "port": 1, "service": "poem"}])",
                      R"([{"host": "a", "port": 1, "service": "poem", "bytes": -1}])",
                      R"([{"host": "a", "port": 1, "service": "poem", "bytes": "7"}])",
                      R"([{"host": "a", "port": 1, "service": "poem", "sha256": "abc"}])"));

TEST(PoemCatalog, NamesTheEntryThatIsWrong) {
  try {
    parse_catalog(R"([{"host": "a", "port": 1, "service": "echo"}, {"host": "a", "port": 1}])",
                  asked);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "not a catalog: entry 2: service is no text");
  }
}

TEST(Servers, RepeatEachWithoutACopy) {
  const auto details = std::make_shared<const Details>(Details{"ode", {}, {2, {}}});
  const Servers servers({{{"a", 1}, nullptr}, {{"b", 2}, details}}, 3);
  ASSERT_EQ(servers.size(), 6U);
  EXPECT_EQ(servers[2].host, "a");
  EXPECT_EQ(servers[3].host, "b");
  EXPECT_EQ(servers.details(2), nullptr);
  EXPECT_EQ(servers.details(3)->expected.bytes, 2U);
  EXPECT_EQ(servers.name(2), "a:1");
  EXPECT_EQ(servers.name(3), "ode");
  EXPECT_EQ(&servers[0], &servers[2]);
  const Servers copy = servers;
  EXPECT_EQ(&copy[0], &servers[0]);
  EXPECT_TRUE(Servers().empty());
  EXPECT_EQ(Servers({net::HostPort{}}).details(0), nullptr);
}

}  // namespace
}  // namespace poetry::fetch
