#include "base/json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace poetry::base {
namespace {

TEST(Json, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(json_number(4.003), "4.003");
  EXPECT_EQ(json_number(0.25), "0.25");
  EXPECT_EQ(json_number(3), "3");
  EXPECT_EQ(json_text({1, 2.5, nullptr, true}), "[1,2.5,null,true]");
}

TEST(Json, IsAlwaysValidUtf8) {
  EXPECT_EQ(json_string("a\"\n\xff\xc3\xbc"), "\"a\\\"\\n\xef\xbf\xbd\xc3\xbc\"");
  EXPECT_EQ(json_text({{"\xe5\xba|", "\xff"}}), "{\"\xef\xbf\xbd|\":\"\xef\xbf\xbd\"}");
}

TEST(Json, SetsSpacesBehindSeparatorsWhereAsked) {
  const boost::json::value value = {{"a", {1, 2}}, {"b", boost::json::object()}};
  EXPECT_EQ(json_text(value), R"({"a":[1,2],"b":{}})");
  EXPECT_EQ(json_text(value, JsonSpaces::behind_separators), R"({"a": [1, 2], "b": {}})");
  EXPECT_EQ(boost::json::parse(json_text(value)), value);
}

}  // namespace
}  // namespace poetry::base
