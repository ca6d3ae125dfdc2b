#include "base/shown_text.hpp"
#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace poetry::base {
namespace {

TEST(ShownText, ReadsWhatIsUtf8AndReplacesTheRest) {
  EXPECT_EQ(shown_text("a\xc3\xbc\xe5\xba\x8a\xf0\x9f\x90\x8c"), U"aü床🐌");
  EXPECT_EQ(shown_text("\xff|\xc3|\xe5\xba|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80"),
            U"\xfffd|\xfffd|\xfffd|\xfffd\xfffd|\xfffd\xfffd\xfffd|\xfffd\xfffd\xfffd\xfffd");
}

TEST(ShownText, ShowsNothingThatMovesOrColours) {
  EXPECT_EQ(shown_text("\x1b[2J\r\n\t\x7f"), U"\xfffd[2J\xfffd\xfffd\xfffd\xfffd");
  EXPECT_EQ(shown_text("\xe2\x80\xae|\xef\xbf\xbe"), U"\xfffd|\xfffd");  // U+202E, U+FFFE
}

TEST(ShownText, KeepsWhatLettersAndEmojiAreSpeltWith) {
  for (const std::string text : {"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  // ZWNJ
                                 "\U0001f469\u200d\U0001f680", "\u2764\ufe0f",        // ZWJ, VS16
                                 "\u845b\U000e0100"}) {
    EXPECT_EQ(shown_utf8(text), text);
    HarmlessText stream;
    EXPECT_EQ(stream.pass(text), text);
  }
  EXPECT_EQ(columns_of(U"a\u200d\u200cb\ufe0f\U000e0100"), 2U);
  for (const std::string hidden : {"\u200b", "\u200e", "\u200f", "\u202e", "\u2066", "\u2060",
                                   "\ufeff", "\U000e0041", "\U000e01f0"}) {
    EXPECT_EQ(shown_utf8(hidden), "\ufffd") << hidden;
  }
}

TEST(ShownText, GoesBackToUtf8) {
  const std::string text = "a\xc3\xbc\xe5\xba\x8a\xf0\x9f\x90\x8c";
  EXPECT_EQ(to_utf8(shown_text(text)), text);
  EXPECT_EQ(to_utf8(in_ascii(shown_text(text))), "a???");
}

TEST(ShownText, CountsColumns) {
  EXPECT_EQ(columns_of(U"abc"), 3U);
  EXPECT_EQ(columns_of(U"床前"), 4U);
  EXPECT_EQ(columns_of(U"u\u0308"), 1U);
}

TEST(ShownText, IsShortenedInItsMiddle) {
  EXPECT_EQ(shortened(U"127.0.0.1:10000", 15, U'…'), U"127.0.0.1:10000");
  EXPECT_EQ(shortened(U"host.example:10000", 11, U'…'), U"host…:10000");
  EXPECT_EQ(columns_of(shortened(U"床前明月光疑是地上霜", 10, U'~')), 9U);
  EXPECT_EQ(shortened(U"abcdef", 3, U'~'), U"~ef");
}

TEST(HarmlessText, PassesTextOnAndNothingThatCommandsATerminal) {
  HarmlessText text;
  EXPECT_EQ(text.pass("a\tb\r\n\u00e9\u7a7a\n"), "a\tb\r\n\u00e9\u7a7a\n");
  EXPECT_EQ(text.pass("\x1b[2J\a\x7f\u009b\u202ex\ry"),
            "\ufffd[2J\ufffd\ufffd\ufffd\ufffdx\ufffdy");
  EXPECT_EQ(text.pass("\x9b\xff."), "\ufffd\ufffd.");
}

TEST(HarmlessText, TakesCharactersInPieces) {
  const std::string stream = "\u7a7a\r\n\u202e\u00e9!";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    HarmlessText text;
    std::string shown(text.pass(std::string_view(stream).substr(0, cut)));
    shown += text.pass(std::string_view(stream).substr(cut));
    EXPECT_EQ(shown, "\u7a7a\r\n\ufffd\u00e9!") << cut;
  }
}

TEST(Table, ItsColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table({{"name", "bytes", ""}, {"\u7a7a", "12", "a"}, {"a\x1b", "", ""}}, 1),
            "name  bytes\n\u7a7a       12  a\na\ufffd\n");
  EXPECT_EQ(table({{"a", "b"}, {"long", "c"}}, 2), "a     b\nlong  c\n");
}

}  // namespace
}  // namespace poetry::base
