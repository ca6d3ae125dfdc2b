// A run as it goes on, for a picture: what its first tasks have come to so far. Owned by one run of
// one engine; a strategy's threads tell it, and the thread that draws asks.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/shared_memory.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// How long the scale is: the same for processes that are forked from this one, so that each begins
/// where the last one has got to.
class SharedScale {
 public:
  /// As long as it was, or `least`.
  base::Duration at_least(base::Duration least) {
    *length_ = std::max(length_->load(), least.count());
    return base::Duration(*length_);
  }

 private:
  std::shared_ptr<std::atomic<base::Duration::rep>> length_ =
      base::make_shared_memory<std::atomic<base::Duration::rep>>();
};

class LiveTimeline {
 public:
  static constexpr std::size_t max_rows = 20;

  LiveTimeline(std::string engine, fetch::Servers servers, SharedScale& scale) : scale_(scale) {
    run_.records.resize(std::min(max_rows, servers.size()));
    run_.engine = std::move(engine);
    run_.servers = std::move(servers);
  }

  /// Until more is known of it, a task waits.
  void began(std::size_t task, base::TimePoint now) {
    fetch::Record record;
    record.started = record.attempted = record.resolved = record.connected = now;
    changed(task, record);
  }
  /// A task was told so much of, and goes on.
  void changed(std::size_t task, const fetch::Record& record) {
    put(task, record, fetch::Outcome::pending);
  }
  void ended(std::size_t task, const fetch::Record& record) { put(task, record, record.outcome); }

  /// So many rows at most.
  std::string draw(base::TimePoint now, base::Duration elapsed, std::string_view heading,
                   std::size_t rows, const report::Look& look) {
    std::unique_lock lock(mutex_);
    auto shown = run_;
    lock.unlock();
    shown.records.resize(std::min(rows, shown.records.size()));
    for (auto& record : shown.records) {
      if (record.outcome == fetch::Outcome::pending && record.started != base::never)
        record.ended = now;
    }
    return report::draw_timeline(shown, scale_.at_least(report::round_time_up(elapsed)), heading,
                                 look);
  }

 private:
  void put(std::size_t task, const fetch::Record& record, fetch::Outcome outcome) {
    const std::lock_guard lock(mutex_);
    if (task >= run_.records.size()) return;
    run_.records[task] = record;
    run_.records[task].outcome = outcome;
  }

  SharedScale& scale_;
  std::mutex mutex_;
  report::Run run_;  // records of the tasks that are shown
};

}  // namespace poetry::get
