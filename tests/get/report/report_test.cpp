#include "poetry-get/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "get/report/sample_run.hpp"

namespace poetry::get::report {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string json_report(std::span<const report::Run> runs, Engines engines) {
  std::string text;
  write_json_report(runs, engines, [&text](std::string_view piece) { text.append(piece); });
  return text;
}

std::string csv_report(const report::Run& run) {
  std::string text;
  write_csv_report({&run, 1}, [&text](std::string_view piece) { text.append(piece); });
  return text;
}

std::vector<std::string> keys(const boost::json::object& object) {
  std::vector<std::string> names;
  for (const auto& member : object) names.emplace_back(member.key());
  return names;
}

TEST(Report, TextEndsWithWhatWasGot) {
  report::Run run = sample_run("select", {});
  EXPECT_THAT(text_report(run), EndsWith("\nGot 2 poems in 4.000 s\n"));
  add_refused(run);
  EXPECT_THAT(text_report(run), EndsWith("\nGot 2 of 3 poems in 4.000 s\n"));
  EXPECT_THAT(text_report(run), HasSubstr("task 3, say \"no\", 1:1: connect: Connection refused"));
}

TEST(Report, SpeedupIsSumByElapsed) {
  EXPECT_DOUBLE_EQ(speedup_of(totals_of(sample_run("select", {}))), 2);
  EXPECT_DOUBLE_EQ(speedup_of(totals_of(sample_run("sequential", seconds(4)))), 1);
  EXPECT_DOUBLE_EQ(speedup_of({}), 1);
}

TEST(Report, ALineIsATaskAndItsEngine) {
  const report::Run run = sample_run("select", {});
  const auto line = json_line("select", run.servers, 1, run.records[1], run.records[0].started);
  ASSERT_THAT(line, EndsWith("}\n"));
  const auto parsed = boost::json::parse(line).as_object();
  EXPECT_EQ(keys(parsed).front(), "engine");
  EXPECT_EQ(parsed.at("task").as_int64(), 2);
  EXPECT_DOUBLE_EQ(parsed.at("ended_s").as_double(), 4);
  EXPECT_THAT(std::string(parsed.at("started_at").as_string()),
              ::testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
}

TEST(Report, JsonHasItsKeysInOrder) {
  report::Run run = sample_run("select", {});
  add_refused(run);
  const auto parsed = boost::json::parse(json_report({&run, 1}, Engines::one)).as_object();
  EXPECT_EQ(keys(parsed),
            (std::vector<std::string>{"engine", "started_at", "servers", "fetched", "failed",
                                      "bytes", "elapsed_s", "longest_s", "sum_s", "speedup",
                                      "cpu_user_s", "cpu_system_s", "wakeups", "context_switches",
                                      "max_rss_kib", "tasks"}));
  const auto& task = parsed.at("tasks").at(2).as_object();
  EXPECT_EQ(keys(task),
            (std::vector<std::string>{"task", "host", "port", "address", "outcome", "error",
                                      "attempts", "bytes", "lines", "sha256", "started_s",
                                      "connected_s", "first_byte_s", "longest_gap_s", "ended_s",
                                      "label", "sent", "resolved_s", "started_at"}));
  EXPECT_EQ(task.at("host").as_string(), "say \"no\", 1");
  EXPECT_TRUE(task.at("connected_s").is_null());
  EXPECT_DOUBLE_EQ(parsed.at("tasks").at(0).at("ended_s").as_double(), 4);
}

TEST(Report, SeveralEnginesAreAnArray) {
  const std::vector<report::Run> runs{sample_run("sequential", seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(boost::json::parse(json_report(runs, Engines::several)).as_array().size(), 2U);
}

TEST(Report, CsvQuotesWhatNeedsIt) {
  report::Run run = sample_run("select", {});
  add_refused(run);
  const std::string text = csv_report(run);
  EXPECT_THAT(text, HasSubstr("engine,task,host,port,address,outcome,error,attempts,"));
  EXPECT_THAT(text, HasSubstr("\nselect,1,127.0.0.1,10000,127.0.0.1:10000,ok,,1,40,4,,0.000000,"));
  EXPECT_THAT(text, HasSubstr("\nselect,3,\"say \"\"no\"\", 1\",1,,connect,"));
}

TEST(Report, SeveralEnginesAreAnArrayAlsoWhereOneCameToRun) {
  const report::Run run = sample_run("select", {});
  const auto parsed = boost::json::parse(json_report({&run, 1}, Engines::several));
  EXPECT_EQ(parsed.as_array().size(), 1U);
  EXPECT_EQ(boost::json::parse(json_report({}, Engines::several)).as_array().size(), 0U);
}

TEST(Report, ShowsDigestsAsText) {
  report::Run run = sample_run("select", {});
  run.records[0].sha256 = base::Sha256().finish_digest();
  const auto parsed = boost::json::parse(json_report({&run, 1}, Engines::one));
  EXPECT_EQ(parsed.at("tasks").at(0).at("sha256").as_string(),
            base::to_hex(base::Sha256().finish_digest()));
  EXPECT_EQ(parsed.at("tasks").at(1).at("sha256").as_string(), "");
}

TEST(Report, IsUtf8WhateverAHostIsCalled) {
  report::Run run = sample_run("select", {});
  run.servers = {{"m\xc3\xbcller", 1}, {"m\xfcller", 1}};
  const auto parsed = boost::json::parse(json_report({&run, 1}, Engines::one));
  EXPECT_EQ(parsed.at("tasks").at(0).at("host").as_string(), "m\xc3\xbcller");
  EXPECT_EQ(parsed.at("tasks").at(1).at("host").as_string(), "m\xef\xbf\xbdller");
}

TEST(Report, ComesInPieces) {
  report::Run run = sample_run("select", {});
  run.servers = fetch::Servers({run.servers[0]}, 2000);
  run.records.resize(2000, run.records[0]);
  std::size_t largest = 0;
  std::size_t pieces = 0;
  write_json_report({&run, 1}, Engines::one, [&](std::string_view piece) {
    largest = std::max(largest, piece.size());
    ++pieces;
  });
  EXPECT_GT(pieces, 5U);
  EXPECT_LT(largest, 70'000U);
}

TEST(Record, IsSmall) { EXPECT_LE(sizeof(fetch::Record), 232U); }

TEST(Report, ComparesEngines) {
  const std::vector<report::Run> runs{sample_run("sequential", seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(
      comparison(runs),
      "engine      elapsed  ratio  speedup      cpu  wakeups  switches   memory  failed\n"
      "sequential  8.000 s   2.00     1.00  0.000 s        0         0  0.0 MiB       0\n"
      "select      4.000 s   1.00     2.00  0.000 s        0         0  0.0 MiB       0\n"
      "The slowest task takes 4.000 s, the floor; ratio is elapsed to floor, speedup all tasks "
      "to elapsed.\n");
}

TEST(Report, TheFloorIsTheSameForAllEngines) {
  std::vector<report::Run> runs{sample_run("starving", {}), sample_run("select", {})};
  runs[0].records[0].ended += seconds(2);
  EXPECT_EQ(floor_of(runs), seconds(4));
  runs[1].records[0].outcome = fetch::Outcome::reset;  // what fetches less may be quicker
  EXPECT_EQ(floor_of(runs), seconds(6));
  EXPECT_EQ(floor_of({}), base::Duration::zero());
}

TEST(Report, AnEngineThatDidNotRunFetchedNothing) {
  std::vector<report::Run> runs{sample_run("sequential", {}), {}};
  runs[1].engine = "select";
  runs[1].servers = runs[0].servers;
  runs[1].failure = "no memory";
  EXPECT_EQ(totals_of(runs[1]).failed, 2U);
  EXPECT_EQ(floor_of(runs), seconds(4));
  EXPECT_THAT(comparison(runs), HasSubstr("\nselect            -      -        -        -"));
  EXPECT_THAT(comparison(runs), HasSubstr("did not run\n"));
  EXPECT_EQ(text_report(runs[1]), "Did not run: no memory\n");
  const auto parsed = boost::json::parse(json_report(runs, Engines::several)).as_array();
  EXPECT_EQ(parsed.at(1).at("error").as_string(), "no memory");
  EXPECT_EQ(parsed.at(1).at("failed").as_int64(), 2);
}

}  // namespace
}  // namespace poetry::get::report
