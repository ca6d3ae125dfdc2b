#include "session/log_record.hpp"

#include <gtest/gtest.h>

#include <string>

namespace poetry::session {
namespace {

/// Fields as "name=text;", those that are absent left out; "unparsed" for no record.
std::string fields_of(std::string_view line) {
  const auto record = parse_log_record(line);
  if (!record) return "unparsed";
  std::string text;
  for (std::size_t i = 0; i < record->fields.size(); ++i) {
    if (!record->fields[i]) continue;
    text.append(log_field_names[i]).append("=").append(*record->fields[i]).append(";");
  }
  return text;
}

const std::string front = "1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] ";
const std::string front_fields = "host=1.2.3.4;time=10/Oct/2000:13:55:36 -0700;";

TEST(LogRecord, HasTheFieldsOfTheCommonFormat) {
  EXPECT_EQ(fields_of("127.0.0.1 id frank [10/Oct/2000:13:55:36 -0700] "
                      "\"GET /apache_pb.gif HTTP/1.0\" 200 2326"),
            "host=127.0.0.1;ident=id;user=frank;time=10/Oct/2000:13:55:36 -0700;method=GET;"
            "path=/apache_pb.gif;protocol=HTTP/1.0;status=200;bytes=2326;");
}

TEST(LogRecord, HasTheFieldsOfTheCombinedFormat) {
  EXPECT_EQ(fields_of(front + "\"POST /?a=b HTTP/2.0\" 304 0 \"http://e/x y\" \"Mozilla/5.0 (X)\""),
            front_fields +
                "method=POST;path=/?a=b;protocol=HTTP/2.0;status=304;bytes=0;"
                "referer=http://e/x y;agent=Mozilla/5.0 (X);");
}

TEST(LogRecord, LeavesOutWhatTheLogHasNot) {
  EXPECT_EQ(fields_of("- - - [-] \"-\" - - \"-\" \"-\""), "");
  EXPECT_EQ(fields_of(front + "\"-\" 408 - \"-\" \"-\""), front_fields + "status=408;");
}

TEST(LogRecord, KeepsEmptyTextApartFromAbsentText) {
  EXPECT_EQ(fields_of(front + "\"-\" 408 0 \"\" \"\""),
            front_fields + "status=408;bytes=0;referer=;agent=;");
}

TEST(LogRecord, TakesAnyHost) {
  EXPECT_EQ(fields_of("2001:db8::1 - - [t] \"-\" 200 1"),
            "host=2001:db8::1;time=t;status=200;bytes=1;");
  EXPECT_EQ(fields_of("::1%eth0 - - [t] \"-\" 200 1"), "host=::1%eth0;time=t;status=200;bytes=1;");
  EXPECT_EQ(fields_of("host.example - \"\" [t] \"-\" 200 1"),
            "host=host.example;user=\"\";time=t;status=200;bytes=1;");
}

TEST(LogRecord, KeepsEscapesAndDoesNotEndAtAnEscapedQuote) {
  EXPECT_EQ(
      fields_of(front + R"("GET /\"x\x22 HTTP/1.1" 200 1 "a\\" "b\"c")"),
      front_fields +
          R"(method=GET;path=/\"x\x22;protocol=HTTP/1.1;status=200;bytes=1;referer=a\\;agent=b\"c;)");
}

struct RequestCase {
  std::string request;
  std::string fields;
};
class LogRecordRequest : public testing::TestWithParam<RequestCase> {};
TEST_P(LogRecordRequest, SplitsIntoMethodPathAndProtocol) {
  const auto& [request, fields] = GetParam();
  const auto expected = fields == "unparsed" ? fields : "time=t;" + fields + "status=200;bytes=1;";
  EXPECT_EQ(fields_of("- - - [t] \"" + request + "\" 200 1"), expected) << request;
}
INSTANTIATE_TEST_SUITE_P(
    Requests, LogRecordRequest,
    testing::Values(RequestCase{"-", ""}, RequestCase{"GET /", "method=GET;path=/;"},
                    RequestCase{"OPTIONS * HTTP/1.1", "method=OPTIONS;path=*;protocol=HTTP/1.1;"},
                    RequestCase{"CONNECT h:443 HTTP/1.1",
                                "method=CONNECT;path=h:443;protocol=HTTP/1.1;"},
                    RequestCase{"M-SEARCH / HTTP/1.1", "method=M-SEARCH;path=/;protocol=HTTP/1.1;"},
                    RequestCase{"GET /a b HTTP/1.1", "method=GET;path=/a b;protocol=HTTP/1.1;"},
                    RequestCase{"GET /\xFF HTTP/3", "method=GET;path=/\xFF;protocol=HTTP/3;"},
                    RequestCase{"", "unparsed"}, RequestCase{"GET", "unparsed"},
                    RequestCase{"GET ", "unparsed"}, RequestCase{"GET x", "unparsed"},
                    RequestCase{" / HTTP/1.1", "unparsed"},
                    RequestCase{"GET  HTTP/1.1", "unparsed"},
                    RequestCase{"GET / HTTP/", "unparsed"}, RequestCase{"GET / FTP/1", "unparsed"},
                    RequestCase{"GET / HTTP/1.1 ", "unparsed"},
                    RequestCase{R"(\x16\x03\x01 / HTTP/1.1)", "unparsed"}));

class LogRecordMalformed : public testing::TestWithParam<std::string> {};
TEST_P(LogRecordMalformed, IsNoRecord) { EXPECT_EQ(fields_of(GetParam()), "unparsed"); }
INSTANTIATE_TEST_SUITE_P(
    Lines, LogRecordMalformed,
    testing::Values("", " ", "-", "hello, world", "[t]", "\"", "- - - [", "- - - [t",
                    "- - - [] \"-\" 200 1", "- - - [t] \"", "- - - [t] \"-", "- - - [t] \"\\",
                    "- - - [t] \"-\\\" 200 1", "- - - [t] \"-\"", "- - - [t] \"-\" ",
                    "- - - [t] \"-\" 200", "- - - [t] \"-\" 200 ", "- - - [t] \"-\" 20 1",
                    "- - - [t] \"-\" 2000 1", "- - - [t] \"-\" 2x0 1", "- - - [t] \"-\" 200 -1",
                    "- - - [t] \"-\" 200 +1", "- - - [t] \"-\" 200 1x",
                    "- - - [t] \"-\" 200 18446744073709551616", "- - - [t] \"-\" 200 1 ",
                    "- - - [t] \"-\" 200 1 \"-\"", "- - - [t] \"-\" 200 1 \"-\" \"-",
                    "- - - [t] \"-\" 200 1 \"-\" \"-\" ", "- - - [t] \"-\" 200 1 \"-\" \"-\" \"-\"",
                    "- - - [t] \"-\"  200 1", "- - [t] \"-\" 200 1", "v:80 - - - [t] \"-\" 200 1",
                    " - - - [t] \"-\" 200 1"));

TEST(LogRecord, TakesTheLargestSize) {
  EXPECT_EQ(fields_of("- - - [t] \"-\" 200 18446744073709551615"),
            "time=t;status=200;bytes=18446744073709551615;");
}

}  // namespace
}  // namespace poetry::session
