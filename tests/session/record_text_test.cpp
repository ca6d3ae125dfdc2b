#include "session/record_text.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "base/seed.hpp"
#include "base/utf8.hpp"

namespace poetry::session {
namespace {

using namespace std::string_literals;
using Kind = LogLine::Kind;

const std::string combined =
    R"(::1 - - [10/Oct/2000:13:55:36 -0700] "GET /a&b HTTP/1.1" 200 12 "-" "<\"b\">")";

TEST(RecordText, OfALineIsTheLine) {
  for (const auto& line : {""s, combined, "a\r"s, "\xFF\0\t"s}) {
    EXPECT_EQ(record_text({line, Kind::whole}, LogFormat::line), line + "\n");
    EXPECT_EQ(record_text({line, Kind::piece}, LogFormat::line), line);
    EXPECT_EQ(record_text({line, Kind::rest}, LogFormat::line), line + "\n");
  }
}

TEST(RecordText, AsXmlIsAnElementWithEscapedAttributes) {
  EXPECT_EQ(record_text({combined}, LogFormat::xml),
            R"(<hit host="::1" time="10/Oct/2000:13:55:36 -0700" method="GET" path="/a&amp;b" )"
            R"(protocol="HTTP/1.1" status="200" bytes="12" agent="&lt;\&quot;b\&quot;&gt;"/>)"
            "\n");
}

TEST(RecordText, AsJsonIsAnObjectWithNumbers) {
  EXPECT_EQ(record_text({combined}, LogFormat::json),
            R"({"host":"::1","time":"10/Oct/2000:13:55:36 -0700","method":"GET","path":"/a&b",)"
            R"("protocol":"HTTP/1.1","status":200,"bytes":12,"agent":"<\\\"b\\\">"})"
            "\n");
}

TEST(RecordText, KeepsWhatIsNoFieldOfJsonAsExtra) {
  const auto line = R"({"host":"::1","status":200,"agent":"<b>","tags":["a",1.5]})"s;
  EXPECT_EQ(record_text({line}, LogFormat::xml),
            R"(<hit host="::1" status="200" agent="&lt;b&gt;" )"
            R"(extra="{&quot;tags&quot;:[&quot;a&quot;,1.5]}"/>)"
            "\n");
  EXPECT_EQ(record_text({line}, LogFormat::json), line + "\n");
}

TEST(RecordText, GivesOtherLinesAsUnparsed) {
  EXPECT_EQ(record_text({"<a> & \"b\" ]]>\t'\r"}, LogFormat::xml),
            "<unparsed>&lt;a&gt; &amp; &quot;b&quot; ]]&gt;&#9;'</unparsed>\n");
  EXPECT_EQ(record_text({"a\rb\nc"}, LogFormat::xml), "<unparsed>a&#13;b&#10;c</unparsed>\n");
  EXPECT_EQ(record_text({"a \"b\"\t\\"}, LogFormat::json), R"({"unparsed":"a \"b\"\t\\"})"
                                                           "\n");
  EXPECT_EQ(record_text({""}, LogFormat::xml), "<unparsed></unparsed>\n");
  EXPECT_EQ(record_text({""}, LogFormat::json), "{\"unparsed\":\"\"}\n");
}

TEST(RecordText, TakesALineThatEndsWithCrlf) {
  const auto line = combined + "\r";
  EXPECT_EQ(record_text({line}, LogFormat::xml), record_text({combined}, LogFormat::xml));
  EXPECT_EQ(record_text({line}, LogFormat::json), record_text({combined}, LogFormat::json));
}

TEST(RecordText, NeverTakesAPartOfALineForARecord) {
  for (const auto kind : {Kind::piece, Kind::rest}) {
    EXPECT_TRUE(record_text({combined, kind}, LogFormat::xml).starts_with("<unparsed>::1 - -"));
    EXPECT_TRUE(record_text({combined, kind}, LogFormat::json).starts_with("{\"unparsed\":\"::1"));
  }
}

TEST(RecordText, ReplacesWhatIsNoCharacter) {
  const auto line = "- - - [\x01] \"GET /\xC3\xA9\xFF HTTP/1.1\" 200 1 \"\xED\xA0\x80\" \"\0\""s;
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(record_text({line}, LogFormat::xml),
            "<hit time=\"" + bad + "\" method=\"GET\" path=\"/\xC3\xA9" + bad +
                "\" protocol=\"HTTP/1.1\" status=\"200\" bytes=\"1\" referer=\"" + bad + bad + bad +
                "\" agent=\"" + bad + "\"/>\n");
  const auto json = boost::json::parse(record_text({line}, LogFormat::json)).as_object();
  EXPECT_EQ(json.at("time"), bad.c_str());
  EXPECT_EQ(json.at("agent"), bad.c_str());
}

TEST(RecordText, MarksWhatWasMissed) {
  EXPECT_EQ(missed_text(3, LogFormat::line), "# missed 3 records\n");
  EXPECT_EQ(missed_text(3, LogFormat::xml), "<missed count=\"3\"/>\n");
  EXPECT_EQ(missed_text(3, LogFormat::json), "{\"missed\":3}\n");
}

/// A line of a few random bytes, or a record with some of its bytes replaced by them.
std::string hostile_line(std::uint64_t number) {
  constexpr std::string_view markup = "<>&\"'\\[] -\t\r\0]]>\xEF\xBF\xBE\xED\xA0\xC3\xF4";
  std::string line =
      number % 2 == 0 ? combined : std::string(base::derive_seed(number, 0) % 40, 'x');
  for (std::uint64_t at = 1; at <= 1 + number % 8 && !line.empty(); ++at) {
    const auto random = base::derive_seed(number, at);
    const auto byte = random % 3 == 0
                          ? markup[random / 3 % markup.size()]
                          : static_cast<char>(static_cast<unsigned char>(random >> 32U));
    line[random % line.size()] = byte == '\n' ? ' ' : byte;
  }
  return line;
}

TEST(RecordText, OfHostileLinesIsOneSoundLineEach) {
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    const auto line = hostile_line(number);
    const auto json = record_text({line}, LogFormat::json);
    boost::system::error_code error;
    const auto value = boost::json::parse(json, error);  // which refuses what is no UTF-8
    ASSERT_FALSE(error) << json;
    ASSERT_EQ(boost::json::serialize(value) + "\n", json);
    const auto xml = record_text({line}, LogFormat::xml);
    ASSERT_EQ(xml, base::to_xml_characters(xml));
    ASSERT_EQ(xml.find_first_of("\n\r\t"), xml.size() - 1) << xml;
    const auto content = xml.substr(1, xml.size() - (xml.starts_with("<hit") ? 4 : 13));
    ASSERT_EQ(content.find('<'), std::string::npos) << xml;
    ASSERT_EQ(value.as_object().contains("unparsed"), xml.starts_with("<unparsed>"));
  }
}

}  // namespace
}  // namespace poetry::session
