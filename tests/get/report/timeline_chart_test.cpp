#include "poetry-get/report/timeline_chart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "get/report/sample_run.hpp"

namespace poetry::get::report {

bool operator==(const Stretch& one, const Stretch& two) {
  return one.sign == two.sign && one.from == two.from && one.to == two.to;
}

namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const base::TimePoint start(1h);

/// A task that goes through every phase, 100 ms each, and receives at 400, 410 and 510 ms.
fetch::Record long_life() {
  fetch::Record record;
  record.outcome = fetch::Outcome::ok;
  record.attempts = 2;
  record.started = start;
  record.attempted = start + 100ms;
  record.resolved = start + 200ms;
  record.connected = start + 300ms;
  record.first_byte = start + 400ms;
  for (const auto at : {400ms, 410ms, 510ms}) record.arrivals.add(start + at);
  record.ended = start + 520ms;
  return record;
}

Run run_of(std::vector<fetch::Record> records) {
  Run run;
  run.engine = "select";
  run.servers = fetch::Servers({{"127.0.0.1", 10000}}, records.size());
  run.records = std::move(records);
  return run;
}

ChartRow row_of(const fetch::Record& record) {
  const Run run = run_of({record});
  return chart_of({&run, 1}).panels.at(0).rows.at(0);
}

TEST(TimelineChart, ShowsWhatATaskDidWhen) {
  const ChartRow row = row_of(long_life());
  EXPECT_THAT(
      row.stretches,
      ElementsAre(Stretch{Sign::broken, 0ms, 100ms}, Stretch{Sign::resolving, 100ms, 200ms},
                  Stretch{Sign::connecting, 200ms, 300ms}, Stretch{Sign::waiting, 300ms, 400ms},
                  Stretch{Sign::receiving, 400ms, 410ms}, Stretch{Sign::idle, 410ms, 510ms},
                  Stretch{Sign::receiving, 510ms, 520ms}));
  EXPECT_THAT(row.arrivals, ElementsAre(400ms, 410ms, 510ms));
  EXPECT_EQ(row.remark, "try 2");
}

TEST(TimelineChart, GoesNoFurtherThanATaskGot) {
  fetch::Record record = long_life();
  record.attempts = 1;
  record.attempted = start;
  record.outcome = fetch::Outcome::connect_timeout;
  record.connected = record.first_byte = base::never;
  record.arrivals = {};
  const ChartRow row = row_of(record);
  EXPECT_THAT(row.stretches, ElementsAre(Stretch{Sign::resolving, 0ms, 200ms},
                                         Stretch{Sign::connecting, 200ms, 520ms}));
  EXPECT_EQ(row.ending, Sign::failed);
  EXPECT_EQ(row.remark, "connect-timeout");
}

TEST(TimelineChart, ShowsNothingOfAnAttemptThatBroke) {
  fetch::Record record = long_life();
  record.attempted = base::never;
  record.outcome = fetch::Outcome::interrupted;
  const ChartRow row = row_of(record);
  EXPECT_THAT(row.stretches, ElementsAre(Stretch{Sign::broken, 0ms, 520ms}));
  EXPECT_THAT(row.arrivals, IsEmpty());
  EXPECT_EQ(row.ending, Sign::interrupted);
}

TEST(TimelineChart, SaysOfATaskThatItDidNotBegin) {
  report::Run run = run_of({long_life(), {}});
  run.records[1].outcome = fetch::Outcome::interrupted;
  const ChartRow row = chart_of({&run, 1}).panels.at(0).rows.at(1);
  EXPECT_FALSE(row.begun);
  EXPECT_EQ(row.remark, "not begun");
}

TEST(TimelineChart, CallsNoGapIdleThatMayHideArrivals) {
  fetch::Record record = long_life();
  record.arrivals = {};
  for (auto at = 400ms; at < 10s; at += 1ms) record.arrivals.add(start + at);
  record.ended = start + 10s;
  ASSERT_LE(record.arrivals.times().size(), fetch::Arrivals::capacity);
  for (const auto& stretch : row_of(record).stretches) EXPECT_NE(stretch.sign, Sign::idle);
  record.arrivals.add(start + 20s);
  record.ended = start + 20s;
  EXPECT_EQ(row_of(record).stretches.back().sign, Sign::idle);
}

TEST(TimelineChart, KeepsItsBlurWhereItIsCopied) {
  fetch::Arrivals arrivals;
  for (auto at = 0ms; at < 1s; at += 1ms) arrivals.add(start + at);
  EXPECT_GT(arrivals.blur(), 1ms);
  EXPECT_EQ(fetch::Arrivals(arrivals.blur(), arrivals.times()).blur(), arrivals.blur());
  arrivals = {};
  arrivals.add(start);
  EXPECT_EQ(arrivals.blur(), 0ms);
}

std::vector<std::size_t> shown(const Chart& chart) {
  std::vector<std::size_t> tasks;
  for (const auto& row : chart.panels.at(0).rows) tasks.push_back(row.task);
  return tasks;
}

TEST(TimelineChart, SamplesEvenlyWithTheFirstTheLastTheSlowestAndFailures) {
  report::Run run = run_of(std::vector<fetch::Record>(5000, long_life()));
  run.records[1234].ended += 1s;
  run.records[2345].outcome = fetch::Outcome::reset;
  const Chart chart = chart_of({&run, 1});
  const auto tasks = shown(chart);
  EXPECT_EQ(tasks.size(), 40U);
  for (const std::size_t task : {0U, 1234U, 2345U, 4999U}) {
    EXPECT_TRUE(std::binary_search(tasks.begin(), tasks.end(), task)) << task;
  }
  for (std::size_t row = 1; row < tasks.size(); ++row) EXPECT_LT(tasks[row] - tasks[row - 1], 200U);
  EXPECT_EQ(chart.panels[0].note, "40 of 5000 tasks shown, with 1 of 1 failures");
}

TEST(TimelineChart, LeavesRoomForWholeOnesAmongManyFailures) {
  report::Run run = run_of(std::vector<fetch::Record>(1000, long_life()));
  for (std::size_t task = 0; task < 500; ++task) run.records[task].outcome = fetch::Outcome::reset;
  const auto tasks = shown(chart_of({&run, 1}));
  EXPECT_EQ(tasks.size(), 40U);
  EXPECT_GE(std::count_if(tasks.begin(), tasks.end(), [](auto task) { return task >= 500; }), 10);
}

TEST(TimelineChart, ShowsTheSameTasksOfEachRunAndFewerOfMany) {
  std::vector<report::Run> runs(6, run_of(std::vector<fetch::Record>(100, long_life())));
  for (std::size_t index = 0; index < runs.size(); ++index) {
    runs[index].records[10 * index + 5].ended += 1s;
  }
  const Chart chart = chart_of(runs);
  for (const auto& panel : chart.panels) {
    ASSERT_EQ(panel.rows.size(), 16U);
    for (std::size_t row = 0; row < 16; ++row) {
      EXPECT_EQ(panel.rows[row].task, chart.panels[0].rows[row].task);
    }
  }
}

TEST(TimelineChart, ShowsAllOfAListThatFits) {
  const report::Run run = run_of(std::vector<fetch::Record>(40, long_life()));
  const Chart chart = chart_of({&run, 1});
  EXPECT_EQ(chart.panels[0].rows.size(), 40U);
  EXPECT_EQ(chart.panels[0].note, "");
}

TEST(TimelineChart, HeadsARunWithElapsedAndFloor) {
  report::Run run = sample_run("sequential", 4s);
  EXPECT_EQ(chart_of({&run, 1}).panels[0].heading, "8.000 s, 2.00 times the floor of 4.000 s");
  add_refused(run);
  EXPECT_EQ(chart_of({&run, 1}).panels[0].heading,
            "8.000 s, 2.00 times the floor of 4.000 s; 2 of 3 fetched");
}

}  // namespace
}  // namespace poetry::get::report
