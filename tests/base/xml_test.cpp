#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace poetry::base {
namespace {

using namespace std::string_literals;

const std::string bad = "\xEF\xBF\xBD";

struct Utf8Case {
  std::string bytes;
  std::string text;
};

class Utf8 : public testing::TestWithParam<Utf8Case> {};
TEST_P(Utf8, BecomesWhatXmlCanCarry) {
  EXPECT_EQ(to_xml_characters(GetParam().bytes), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(WellFormed, Utf8,
                         testing::Values(Utf8Case{"", ""}, Utf8Case{"plain ~", "plain ~"},
                                         Utf8Case{"\t\n\r\x7F", "\t\n\r\x7F"},
                                         Utf8Case{"\xC2\x80", "\xC2\x80"},
                                         Utf8Case{"\xE0\xA0\x80", "\xE0\xA0\x80"},
                                         Utf8Case{"\xED\x9F\xBF", "\xED\x9F\xBF"},
                                         Utf8Case{"\xEF\xBF\xBD", "\xEF\xBF\xBD"},
                                         Utf8Case{"a\xF0\x90\x80\x80z", "a\xF0\x90\x80\x80z"},
                                         Utf8Case{"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"}));

INSTANTIATE_TEST_SUITE_P(NoCharacterOfXml, Utf8,
                         testing::Values(Utf8Case{"a\0b"s, "a" + bad + "b"},
                                         Utf8Case{"\x01\x1F", bad + bad},
                                         Utf8Case{"\xEF\xBF\xBE", bad},
                                         Utf8Case{"\xEF\xBF\xBF", bad}));

// Tables 3-8 to 3-11 of The Unicode Standard, version 15, section 3.9, and the edges of 3-7.
INSTANTIATE_TEST_SUITE_P(
    IllFormed, Utf8,
    testing::Values(Utf8Case{"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
                             bad + bad + bad + bad + bad + bad + bad + bad + "A"},
                    Utf8Case{"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41",
                             bad + bad + bad + bad + bad + bad + bad + bad + "A"},
                    Utf8Case{"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42",
                             bad + bad + bad + bad + bad + "A" + bad + bad + "B"},
                    Utf8Case{"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", bad + bad + bad + bad + "A"},
                    Utf8Case{"\xE2\x82", bad}, Utf8Case{"\xF0\x9F\x98", bad}, Utf8Case{"\xC3", bad},
                    Utf8Case{"\xC1\x80\xF5\x80", bad + bad + bad + bad},
                    Utf8Case{"\xC3\xC3\xA9", bad + "\xC3\xA9"}));

}  // namespace
}  // namespace poetry::base
