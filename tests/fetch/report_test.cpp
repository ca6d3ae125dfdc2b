#include "fetch/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "fetch/sample_run.hpp"

namespace poetry {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<std::string> keys(const boost::json::object& object) {
  std::vector<std::string> names;
  for (const auto& member : object) names.emplace_back(member.key());
  return names;
}

TEST(Report, TextEndsWithWhatWasGot) {
  poetry::Run run = sample_run("select", {});
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

TEST(Report, JsonHasItsKeysInOrder) {
  poetry::Run run = sample_run("select", {});
  add_refused(run);
  const auto parsed = boost::json::parse(json_report({&run, 1})).as_object();
  EXPECT_EQ(keys(parsed), (std::vector<std::string>{
                              "engine", "servers", "fetched", "failed", "bytes", "elapsed_s",
                              "longest_s", "sum_s", "speedup", "cpu_user_s", "cpu_system_s",
                              "wakeups", "context_switches", "max_rss_kib", "tasks"}));
  const auto& task = parsed.at("tasks").at(2).as_object();
  EXPECT_EQ(keys(task),
            (std::vector<std::string>{"task", "host", "port", "address", "outcome", "error",
                                      "attempts", "bytes", "lines", "sha256", "started_s",
                                      "connected_s", "first_byte_s", "longest_gap_s", "ended_s"}));
  EXPECT_EQ(task.at("host").as_string(), "say \"no\", 1");
  EXPECT_TRUE(task.at("connected_s").is_null());
  EXPECT_DOUBLE_EQ(parsed.at("tasks").at(0).at("ended_s").as_double(), 4);
}

TEST(Report, SeveralEnginesAreAnArray) {
  const std::vector<poetry::Run> runs{sample_run("sequential", seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(boost::json::parse(json_report(runs)).as_array().size(), 2U);
}

TEST(Report, CsvQuotesWhatNeedsIt) {
  poetry::Run run = sample_run("select", {});
  add_refused(run);
  const std::string text = csv_report({&run, 1});
  EXPECT_THAT(text, HasSubstr("engine,task,host,port,address,outcome,error,attempts,"));
  EXPECT_THAT(text, HasSubstr("\nselect,1,127.0.0.1,10000,127.0.0.1:10000,ok,,1,40,4,,0.000000,"));
  EXPECT_THAT(text, HasSubstr("\nselect,3,\"say \"\"no\"\", 1\",1,,connect,"));
}

TEST(Report, ComparesEngines) {
  const std::vector<poetry::Run> runs{sample_run("sequential", seconds(4)),
                                      sample_run("select", {})};
  EXPECT_EQ(comparison(runs),
            "engine      elapsed  ratio  speedup      cpu  wakeups  switches   memory  failed\n"
            "sequential  8.000 s   2.00     1.00  0.000 s        0         0  0.0 MiB       0\n"
            "select      4.000 s   1.00     2.00  0.000 s        0         0  0.0 MiB       0\n");
}

}  // namespace
}  // namespace poetry
