#include "fetch/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fetch/sample_run.hpp"

namespace poetry {
namespace {

TEST(Timeline, DrawsAllEnginesOnOneScale) {
  const std::vector<poetry::Run> runs{sample_run("sequential", std::chrono::seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(draw_timeline(runs, 54, Glyphs::ascii),
            "sequential 8.000 s\n"
            "  1 127.0.0.1:10000  #...#...#...#...|\n"
            "  2 127.0.0.1:10001                  #...#...#...#..|\n"
            "select 4.000 s\n"
            "  1 127.0.0.1:10000  #...#...#...#...|\n"
            "  2 127.0.0.1:10001  #...#...#...#...|\n"
            "                     0 s                 5 s\n"
            "  - connecting  . waiting  # receiving  | whole  x failed\n");
}

TEST(Timeline, MarksFailures) {
  poetry::Run run = sample_run("select", {});
  add_refused(run);
  EXPECT_THAT(draw_timeline({&run, 1}, 60, Glyphs::utf8), ::testing::HasSubstr("╌✗\n"));
}

TEST(Timeline, SamplesLongListsAndSaysSo) {
  poetry::Run run = sample_run("select", {});
  run.servers.resize(1000, run.servers.front());
  run.records.resize(1000, run.records.front());
  const std::string text = draw_timeline({&run, 1}, 80, Glyphs::ascii);
  EXPECT_THAT(text, ::testing::HasSubstr("(40 of 1000 tasks)\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  1000 127.0.0.1:10000  #"));
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 50);
}

TEST(Timeline, OfNothingIsHarmless) {
  const poetry::Run run;
  EXPECT_FALSE(draw_timeline({&run, 1}, 0, Glyphs::ascii).empty());
}

}  // namespace
}  // namespace poetry
