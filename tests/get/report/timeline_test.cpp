#include "poetry-get/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/shown_text.hpp"
#include "get/report/sample_run.hpp"

namespace poetry::get::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(Timeline, DrawsAllEnginesOnOneScale) {
  const std::vector<report::Run> runs{sample_run("sequential", std::chrono::seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(draw_timeline(runs, {55}),
            "sequential 8.000 s, 2.00 times the floor of 4.000 s\n"
            "  1 127.0.0.1:10000  #___#___#___#___|\n"
            "  2 127.0.0.1:10001                  #___#___#___#___|\n"
            "select 4.000 s, 1.00 times the floor of 4.000 s\n"
            "  1 127.0.0.1:10000  #___#___#___#___|\n"
            "  2 127.0.0.1:10001  #___#___#___#___|\n"
            "                     +-------------------+------------\n"
            "                     0 s                 5 s\n"
            "  _ idle for 200 ms or longer  # arrival  | whole\n");
}

TEST(Timeline, MarksFailuresAndSaysWhatTheyAre) {
  report::Run run = sample_run("select", {});
  add_refused(run);
  EXPECT_THAT(draw_timeline({&run, 1}, {80, base::Glyphs::utf8}), HasSubstr(":1    ✗ "));
  EXPECT_THAT(draw_timeline({&run, 1}, {80, base::Glyphs::utf8}), HasSubstr(" connect\n"));
}

TEST(Timeline, EndsATaskWhereItEndedAndMarksItsLastAttempt) {
  report::Run run = sample_run("select", {});
  fetch::Record& record = run.records[1];
  record.ended = record.started + std::chrono::seconds(2);
  record.attempts = 2;
  record.attempted = record.started + std::chrono::seconds(1);
  const auto lines = lines_of(draw_timeline({&run, 1}, {75}));
  const auto first = lines[1].find_first_of("#r");
  const auto last = lines[1].find('|');
  EXPECT_EQ(lines[2].find('|') - first, (last - first) / 2) << lines[1] << "\n" << lines[2];
  EXPECT_EQ(lines[2].find('r') - first, (last - first) / 4) << lines[2];
  EXPECT_THAT(lines.back(), HasSubstr("r last attempt begins"));
}

TEST(Timeline, WritesMicrosecondsWithOrWithoutTheirLetter) {
  report::Run run = sample_run("select", {});
  for (auto& record : run.records) record.ended = record.started + std::chrono::microseconds(5);
  EXPECT_THAT(draw_timeline({&run, 1}, {80, base::Glyphs::ascii}), HasSubstr(" us"));
  EXPECT_THAT(draw_timeline({&run, 1}, {80, base::Glyphs::utf8}), HasSubstr(" µs"));
}

TEST(Timeline, NamesATaskByItsLabel) {
  report::Run run = sample_run("select", {});
  const auto ode = std::make_shared<const fetch::Details>(fetch::Details{"ode", {}, {}});
  run.servers = fetch::Servers({{{"127.0.0.1", 1}, ode}, {{"127.0.0.1", 2}}});
  const auto text = draw_timeline({&run, 1}, {80});
  EXPECT_THAT(text, HasSubstr("1 ode "));
  EXPECT_THAT(text, HasSubstr("2 127.0.0.1:2 "));
}

TEST(Timeline, ExplainsTheSignsThatItUses) {
  report::Run run = sample_run("select", {});
  EXPECT_THAT(draw_timeline({&run, 1}, {}), Not(HasSubstr("failed")));
  add_refused(run);
  EXPECT_THAT(draw_timeline({&run, 1}, {}), HasSubstr("x failed"));
}

TEST(Timeline, IsAsWideAsItMayBe) {
  report::Run run = sample_run("select", std::chrono::seconds(1));
  add_refused(run);
  for (const std::size_t width : {40U, 60U, 80U, 100U, 200U}) {
    std::size_t widest = 0;
    for (const auto& line : lines_of(draw_timeline({&run, 1}, {width, base::Glyphs::utf8}))) {
      if (!line.starts_with("select"))
        widest = std::max(widest, base::columns_of(base::shown_text(line)));
    }
    EXPECT_LE(widest, width);
    EXPECT_GE(widest, width - 10);
  }
}

TEST(Timeline, ShortensLongNamesAndShowsNothingHarmful) {
  report::Run run = sample_run("select", {});
  run.servers = {{"\x1b[2Ja-host-whose-name-is-longer-than-there-is-room.example", 10000},
                 run.servers[1]};
  for (const auto& line : lines_of(draw_timeline({&run, 1}, {60, base::Glyphs::utf8}))) {
    EXPECT_LE(base::columns_of(base::shown_text(line)), 60U) << line;
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
}

TEST(Timeline, ColoursWhatItIsAskedToAndEndsEveryLineWithout) {
  const report::Run run = sample_run("select", {});
  const auto text = draw_timeline({&run, 1}, {80, base::Glyphs::ascii, base::Colours::yes});
  EXPECT_THAT(text, HasSubstr("\x1b[0;1;32m#"));
  for (const auto& line : lines_of(text)) {
    if (line.find('\x1b') == std::string::npos) continue;
    EXPECT_EQ(line.compare(line.rfind('\x1b'), 4, "\x1b[0m"), 0) << line;
  }
}

TEST(Timeline, SamplesLongListsAndSaysSo) {
  report::Run run = sample_run("select", {});
  run.servers = fetch::Servers({fetch::Server{run.servers[0]}}, 1000);
  run.records.resize(1000, run.records.front());
  const std::string text = draw_timeline({&run, 1}, {});
  EXPECT_THAT(text, HasSubstr("(40 of 1000 tasks shown)\n"));
  EXPECT_THAT(text, HasSubstr("\n  1000 127.0.0.1:10000  #"));
  EXPECT_LT(lines_of(text).size(), 50U);
}

TEST(Timeline, OfNothingIsHarmless) {
  const report::Run run;
  EXPECT_FALSE(draw_timeline({&run, 1}, {0}).empty());
  EXPECT_FALSE(svg_timeline({&run, 1}).empty());
}

TEST(TimelineSvg, EscapesNames) {
  report::Run run = sample_run("select", {});
  run.servers = {{"<&\"\x01", 10000}, run.servers[1]};
  const auto text = svg_timeline({&run, 1});
  EXPECT_THAT(text, HasSubstr("&lt;&amp;&quot;\xef\xbf\xbd:10000"));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace poetry::get::report
