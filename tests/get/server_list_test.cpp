#include "poetry-get/server_list.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.hpp"

namespace poetry::get {
namespace {

using Servers = std::vector<net::HostPort>;

TEST(Servers, AreOneOrManyOrARangeOfPorts) {
  EXPECT_EQ(parse_servers("10000"), (Servers{{"127.0.0.1", 10000}}));
  EXPECT_EQ(parse_servers("my-host:10000-10002"),
            (Servers{{"my-host", 10000}, {"my-host", 10001}, {"my-host", 10002}}));
  EXPECT_EQ(parse_servers("7-7,[::1]:8,tcp://localhost:9,tcp://localhost:9/"),
            (Servers{{"127.0.0.1", 7}, {"::1", 8}, {"localhost", 9}, {"localhost", 9}}));
  EXPECT_EQ(parse_servers("[::1]:65534-65535"), (Servers{{"::1", 65534}, {"::1", 65535}}));
  EXPECT_EQ(parse_servers("1-65535").size(), 65535U);
}

const std::string every_port_often = [] {
  std::string text = "1-65535";
  for (int often = 1; often < 700; ++often) text += ",1-65535";
  return text;
}();

class NoServer : public testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(NoServer, IsToldWhatToWrite) {
  try {
    parse_servers(GetParam().first);
    FAIL() << GetParam().first;
  } catch (const base::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(GetParam().second), std::string::npos) << error.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Texts, NoServer,
    testing::Values(std::pair{"http://localhost/", "only tcp://"},
                    std::pair{"localhost 80", "a colon stands before the port"},
                    std::pair{"10.0.0.0/24", "neither networks nor paths"},
                    std::pair{"me@localhost:80", "a user has no place"},
                    std::pair{"10002-10000", "ends before it begins"},
                    std::pair{"10000-70000", "port is not in 1 to 65535"},
                    std::pair{"0-3", "port is not in 1 to 65535"},
                    std::pair{"localhost", "port is neither a number nor a known service"},
                    std::pair{"1,,2", "port is neither a number nor a known service"},
                    std::pair{every_port_often.c_str(), "more than 1000000 servers"},
                    std::pair{"host:1-", "port is neither a number nor a known service"}));

}  // namespace
}  // namespace poetry::get
