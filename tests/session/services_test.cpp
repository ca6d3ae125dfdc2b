#include "session/services.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "session/poem.hpp"

namespace poetry::session {
namespace {

using namespace std::chrono_literals;

TEST(Services, SettingsOverrideTheDefaults) {
  const auto spec = parse_service(
      "poem:/a/b.txt,delay=2s,first-delay=1s,chunk=64KiB,repeat=forever,max-clients=3,"
      "send-timeout=0",
      {});
  EXPECT_EQ(spec.service, "poem");
  EXPECT_EQ(spec.argument, "/a/b.txt");
  EXPECT_EQ(spec.name, "b.txt");
  EXPECT_EQ(spec.settings.pacing, (Pacing{2s, 1s, 0s, 65536, 0}));
  EXPECT_EQ(spec.settings.max_clients, 3U);
  EXPECT_TRUE(spec.settings.own_max_clients);
  EXPECT_EQ(spec.settings.send_timeout, 0s);
}

TEST(Services, AWeblogHasSettingsOfItsOwn) {
  const auto spec = parse_service("weblog:/a/log,format=json,backlog=100,poll=250ms", {});
  EXPECT_EQ(spec.argument, "/a/log");
  EXPECT_EQ(spec.name, "log");
  EXPECT_EQ(spec.own, (OwnSettings{{"format", "json"}, {"backlog", "100"}, {"poll", "250ms"}}));
  EXPECT_EQ(parse_service("weblog:x", {}).own, OwnSettings{});
}

TEST(Services, EachHasAName) {
  EXPECT_EQ(parse_service("poem:/a/b.txt", {}).name, "b.txt");
  EXPECT_EQ(parse_service("poem:/a/", {}).name, "/a/");
}

TEST(Services, ABackslashKeepsAComma) {
  EXPECT_EQ(parse_service(R"(poem:a\,b\\c)", {}).argument, R"(a,b\c)");
  EXPECT_EQ(parse_service(R"(poem:a\b)", {}).argument, R"(a\b)");
}

TEST(Services, APortsOwnPaceTakesThePlaceOfTheServers) {
  ServiceSettings defaults;
  set_rate(defaults.pacing, "1kB");
  EXPECT_EQ(parse_service("poem:x", defaults).settings.pacing.rate, 1000U);
  EXPECT_EQ(parse_service("poem:x,delay=2s", defaults).settings.pacing.rate, 0U);
  EXPECT_EQ(parse_service("poem:x,duration=9s", defaults).settings.pacing.rate, 0U);
  EXPECT_EQ(parse_service("poem:x,fault=stall-after=1,for=2s", {}).settings.faults,
            std::vector<std::string>{"stall-after=1,for=2s"});
}

class BadService : public testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(BadService, NamesTheOffenderAndTheValidOnes) {
  const auto [text, message] = GetParam();
  try {
    parse_service(text, {});
    FAIL() << text;
  } catch (const base::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Texts, BadService,
    testing::Values(
        std::pair{"foo:x", "unknown service (valid: poem, "}, std::pair{"poem", "poem:FILE"},
        std::pair{"poem:", "poem:FILE"},
        std::pair{"poem:x,colour=red", "chunk, delay, duration, fault, first-delay"},
        std::pair{"poem:x,delay", "key=value"}, std::pair{"weblog", "weblog:FILE"},
        std::pair{"weblog:x,delay=1", "backlog, fault, for, format, gap, max-clients, poll"},
        std::pair{"weblog:x,format=html", "line, xml, json"},
        std::pair{"weblog:x,backlog=101", "0 to 100"}, std::pair{"weblog:x,poll=0", "poll"},
        std::pair{"poem:x,delay=-1", "negative"}, std::pair{"poem:x,chunk=0", "one byte"},
        std::pair{"poem:x,repeat=0", "repeat"}, std::pair{"poem:x,max-clients=z", "max-clients"},
        std::pair{"discard:x", "not of the form discard"},
        std::pair{"discard,delay=1s", "unknown setting of discard (valid: fault, for, gap, max"},
        std::pair{"chargen:x", "not of the form chargen"},
        std::pair{"chargen,repeat=2",
                  "valid: chunk, delay, fault, first-delay, for, gap, jitter, max-clients, rate"},
        std::pair{"echo:x", "not of the form echo"},
        std::pair{"echo,prefix=tcp", "prefix: unknown prefix (valid: none, pid): tcp"},
        std::pair{"echo,delay=1s", "unknown setting of echo (valid: fault, for, gap, max"},
        std::pair{"fibonacci", "fibonacci:STATE"},
        std::pair{"fibonacci:x,lease=0", "lease: lease is not in 1 to 10000: 0"},
        std::pair{"fibonacci:x,lease=10001", "10001"}, std::pair{"fibonacci:x,lease=many", "many"},
        std::pair{"catalog:x", "not of the form catalog"},
        std::pair{"catalog,delay=1s", "unknown setting of catalog"}));

TEST(Services, EachHasItsOwnSettings) {
  EXPECT_EQ(parse_service("echo,prefix=none,prefix=pid", {}).own, (OwnSettings{{"prefix", "pid"}}));
  EXPECT_EQ(parse_service("echo,prefix=none,send-timeout=1s", {}).settings.send_timeout, 1s);
  const auto fibonacci = parse_service("fibonacci:/var/lib/f.db,lease=10", {});
  EXPECT_EQ(fibonacci.argument, "/var/lib/f.db");
  EXPECT_EQ(fibonacci.name, "f.db");
  EXPECT_EQ(fibonacci.own, (OwnSettings{{"lease", "10"}}));
  EXPECT_EQ(parse_service("catalog", {}).name, "catalog");
  EXPECT_EQ(parse_service("discard", {}).name, "discard");
  const auto chargen = parse_service("chargen,delay=0,first-delay=2s,jitter=1s,chunk=1KiB", {});
  EXPECT_EQ(chargen.settings.pacing, (Pacing{0s, 2s, 1s, 1024, 1}));
}

TEST(Services, SomeArePaced) {
  EXPECT_TRUE(is_paced(parse_service("poem:x", {})));
  EXPECT_TRUE(is_paced(parse_service("chargen", {})));
  EXPECT_FALSE(is_paced(parse_service("echo", {})));
}

TEST(Services, ThreeBuiltInPoemsHaveFourLinesEach) {
  const auto poems = builtin_poems();
  ASSERT_EQ(poems.size(), 3U);
  for (const auto& poem : poems) {
    EXPECT_EQ(std::count(poem.bytes.begin(), poem.bytes.end(), '\n'), 4) << poem.name;
    EXPECT_EQ(poem.bytes.back(), '\n');
  }
}

}  // namespace
}  // namespace poetry::session
