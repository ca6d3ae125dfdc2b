#include "session/log_record.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"

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
  for (const auto extra : record->extra) text.append("+").append(extra).append(";");
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
    testing::Values(
        RequestCase{"-", ""}, RequestCase{"GET /", "method=GET;path=/;"},
        RequestCase{"OPTIONS * HTTP/1.1", "method=OPTIONS;path=*;protocol=HTTP/1.1;"},
        RequestCase{"CONNECT h:443 HTTP/1.1", "method=CONNECT;path=h:443;protocol=HTTP/1.1;"},
        RequestCase{"M-SEARCH / HTTP/1.1", "method=M-SEARCH;path=/;protocol=HTTP/1.1;"},
        RequestCase{"GET /a b HTTP/1.1", "method=GET;path=/a b;protocol=HTTP/1.1;"},
        RequestCase{"GET /\xFF HTTP/3", "method=GET;path=/\xFF;protocol=HTTP/3;"},
        RequestCase{"OPTIONS *", "method=OPTIONS;path=*;"},
        RequestCase{"OPTIONS / RTSP/1.0", "method=OPTIONS;path=/;protocol=RTSP/1.0;"},
        RequestCase{"GET /?q=\"x\" HTTP/1.1", "method=GET;path=/?q=\"x\";protocol=HTTP/1.1;"}));

class LogRecordNoRequest : public testing::TestWithParam<std::string> {};
TEST_P(LogRecordNoRequest, IsKeptWhole) {
  EXPECT_EQ(fields_of(front + "\"" + GetParam() + "\" 400 157 \"-\" \"-\""),
            front_fields + "request=" + GetParam() + ";status=400;bytes=157;");
}
INSTANTIATE_TEST_SUITE_P(Requests, LogRecordNoRequest,
                         testing::Values("", "GET", "GET ", "GET x", " / HTTP/1.1", "GET  HTTP/1.1",
                                         "GET / HTTP/", "GET / HTTP/1.1 ", "HELP",
                                         R"(\x16\x03\x01\x02)", "\x16\x03\x01",
                                         R"(\x03\x00\x00/*\xE0Cookie: mstshash=a)",
                                         R"(\" 200 1 \"x)"));

struct AroundCase {
  std::string line;
  std::string fields;
};
class LogRecordAround : public testing::TestWithParam<AroundCase> {};
TEST_P(LogRecordAround, FindsTheFieldsWhateverStandsAroundThem) {
  EXPECT_EQ(fields_of(GetParam().line), GetParam().fields);
}
const std::string at_time = " [10/Oct/2000:13:55:36 -0700] ";
const std::string at_time_field = "time=10/Oct/2000:13:55:36 -0700;";
const std::string get_line = "\"GET / HTTP/1.1\" 200 615";
const std::string get_line_fields = "method=GET;path=/;protocol=HTTP/1.1;status=200;bytes=615;";
INSTANTIATE_TEST_SUITE_P(
    Lines, LogRecordAround,
    testing::Values(
        AroundCase{front + get_line + " \"-\" \"curl\" \"1.2.3.4, 5.6.7.8\"",
                   front_fields + get_line_fields + "agent=curl;+\"1.2.3.4, 5.6.7.8\";"},
        AroundCase{front + get_line + " \"r\" \"a\" 12 \"web@docker\" \"http://10.0.0.2:80\" 3ms",
                   front_fields + get_line_fields +
                       "referer=r;agent=a;+12;+\"web@docker\";+\"http://10.0.0.2:80\";+3ms;"},
        AroundCase{front + get_line + " 0.003 \"r\" \"a\"",
                   front_fields + get_line_fields + "referer=r;agent=a;+0.003;"},
        AroundCase{front + get_line + " \"-\"", front_fields + get_line_fields + "+\"-\";"},
        AroundCase{front + get_line + " \"r\" \"a ",
                   front_fields + get_line_fields + "+\"r\";+\"a ;"},
        AroundCase{front + get_line + " ", front_fields + get_line_fields},
        AroundCase{"1.2.3.4 - -" + at_time + "0.01 " + get_line + " \"-\" \"-\"",
                   front_fields + get_line_fields + "+0.01;"},
        AroundCase{"www.example.org:443 1.2.3.4 - -" + at_time + get_line,
                   "vhost=www.example.org:443;" + front_fields + get_line_fields},
        AroundCase{"www.example.org 1.2.3.4 - -" + at_time + get_line,
                   "vhost=www.example.org;" + front_fields + get_line_fields},
        AroundCase{"10.0.0.1 1.2.3.4 - -" + at_time + get_line,
                   "vhost=10.0.0.1;" + front_fields + get_line_fields},
        AroundCase{"v:80 client.example - -" + at_time + get_line,
                   "vhost=v:80;host=client.example;" + at_time_field + get_line_fields},
        AroundCase{"client.example - mary jane" + at_time + get_line,
                   "host=client.example;user=mary jane;" + at_time_field + get_line_fields},
        AroundCase{"1.2.3.4 - [mary] jane" + at_time + get_line,
                   "host=1.2.3.4;user=[mary] jane;" + at_time_field + get_line_fields},
        AroundCase{"1.2.3.4, 10.0.0.1 - -" + at_time + get_line,
                   "host=1.2.3.4, 10.0.0.1;" + at_time_field + get_line_fields},
        AroundCase{"1.2.3.4 - - " + at_time + get_line, front_fields + get_line_fields},
        AroundCase{"1.2.3.4" + at_time + get_line, front_fields + get_line_fields},
        AroundCase{"unix: - -" + at_time + get_line,
                   "host=unix:;" + at_time_field + get_line_fields},
        AroundCase{"Oct 10 13:55:36 web nginx: " + front + get_line,
                   front_fields + get_line_fields + "+Oct;+10;+13:55:36;+web;+nginx:;"},
        AroundCase{"1.2.3.4 - - [10/Oct/2000:13:55:36.123 -0700] \"-\" 000 -1",
                   "host=1.2.3.4;time=10/Oct/2000:13:55:36.123 -0700;status=000;"}));

class LogRecordMalformed : public testing::TestWithParam<std::string> {};
TEST_P(LogRecordMalformed, IsNoRecord) { EXPECT_EQ(fields_of(GetParam()), "unparsed"); }
INSTANTIATE_TEST_SUITE_P(
    Lines, LogRecordMalformed,
    testing::Values("", " ", "-", "hello, world", "[t]", "\"", "- - - [", "- - - [t",
                    "- - - [] \"-\" 200 1", "- - - [t] \"", "- - - [t] \"-", "- - - [t] \"\\",
                    "- - - [t] \"-\\\" 200 1", "- - - [t] \"-\"", "- - - [t] \"-\" ",
                    "- - - [t] \"-\" 200", "- - - [t] \"-\" 200 ", "- - - [t] \"-\" 20 1",
                    "- - - [t] \"-\" 2000 1", "- - - [t] \"-\" 2x0 1", "- - - [t] \"-\" 200 -2",
                    "- - - [t] \"-\" 200 +1", "- - - [t] \"-\" 200 1x",
                    "- - - [t] \"-\" 200 18446744073709551616", "[t] \"-\" 200 1"));

std::string json_of(std::string_view line) {
  const auto record = parse_json_record(line);
  return record ? base::json_text(*record) : "unparsed";
}

TEST(JsonRecord, GivesKnownMembersTheirNamesAndKeepsTheRest) {
  EXPECT_EQ(json_of(R"({"time_iso8601":"T","remote_addr":"1.2.3.4","remote_user":"-",)"
                    R"("request":"GET /x HTTP/1.1","status":"200","body_bytes_sent":"15",)"
                    R"("http_user_agent":"curl","http_referer":"","host":"e.org","rt":0.5})"),
            R"({"host":"1.2.3.4","time":"T","method":"GET","path":"/x","protocol":"HTTP/1.1",)"
            R"("status":200,"bytes":15,"agent":"curl","vhost":"e.org","rt":0.5})");
  EXPECT_EQ(json_of(R"({"level":"info","ts":1.5,"request":{"remote_ip":"::1","proto":"HTTP/2.0",)"
                    R"("method":"GET","host":"e.org","uri":"/","headers":{"User-Agent":["c"]}},)"
                    R"("size":5,"status":404})"),
            R"({"vhost":"e.org","host":"::1","time":1.5,"method":"GET","path":"/",)"
            R"("protocol":"HTTP/2.0","status":404,"bytes":5,"agent":"c","level":"info",)"
            R"("request":{"remote_ip":"::1","proto":"HTTP/2.0","method":"GET","host":"e.org",)"
            R"("uri":"/","headers":{"User-Agent":["c"]}}})");
  EXPECT_EQ(json_of(R"({"ClientHost":"1.2.3.4","DownstreamStatus":200,"DownstreamContentSize":0,)"
                    R"("RequestPath":"/","RequestHost":"e.org"})"),
            R"({"vhost":"e.org","host":"1.2.3.4","path":"/","status":200,"bytes":0})");
  EXPECT_EQ(json_of(R"({"msg":"no request"})"), R"({"msg":"no request"})");
}

TEST(JsonRecord, IsAnObjectAndNothingElse) {
  for (const auto* line : {"", "{", "{}x", "[1]", "1", "{\"a\":}", "{\"a\":1}{}", "null"})
    EXPECT_EQ(json_of(line), "unparsed") << line;
  EXPECT_EQ(json_of("{}"), "{}");
}

TEST(LogRecord, TakesTheLargestSize) {
  EXPECT_EQ(fields_of("- - - [t] \"-\" 200 18446744073709551615"),
            "time=t;status=200;bytes=18446744073709551615;");
}

}  // namespace
}  // namespace poetry::session
