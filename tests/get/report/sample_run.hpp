// A run made up for tests of reports and pictures: a poem of four lines, and a refused one.
#pragma once

#include "poetry-get/report/report.hpp"

namespace poetry::get::report {

inline fetch::Record sample_record(base::TimePoint start, int lines) {
  fetch::Record record;
  record.outcome = fetch::Outcome::ok;
  record.address = net::resolve_numeric({"127.0.0.1", 10000}).addresses.at(0);
  record.attempts = 1;
  record.started = record.attempted = record.resolved = start;
  record.connected = record.first_byte = start;
  for (int line = 0; line < lines; ++line) {
    record.arrivals.add(start + std::chrono::seconds(line));
    ++record.lines;
    record.bytes += 10;
  }
  record.ended = start + std::chrono::seconds(lines);
  record.longest_gap = std::chrono::seconds(1);
  return record;
}

/// Two poems, the second after the first or with it.
inline Run sample_run(const std::string& engine, base::Duration second_start) {
  const base::TimePoint start(std::chrono::hours(1));
  Run run;
  run.engine = engine;
  run.servers = {{"127.0.0.1", 10000}, {"127.0.0.1", 10001}};
  run.records = {sample_record(start, 4), sample_record(start + second_start, 4)};
  return run;
}

inline void add_refused(Run& run) {
  fetch::Record record;
  record.outcome = fetch::Outcome::connect;
  record.error = "say \"no\", 1:1: connect: Connection refused";
  record.attempts = 1;
  record.started = record.attempted = record.resolved = run.records.front().started;
  record.ended = record.started + std::chrono::milliseconds(1);
  run.servers = {run.servers[0], run.servers[1], {"say \"no\", 1", 1}};
  run.records.push_back(record);
}

}  // namespace poetry::get::report
