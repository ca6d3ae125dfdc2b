// What this process has used; and the line that tells how far a run is: done, failed, in flight,
// left, bytes, rate, elapsed. Owned by one run of one engine. A thread of its own redraws it, for
// the strategies may wait for long; it exists only where the screen shows the line.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

#include "output/terminal_writer.hpp"
#include "report/report.hpp"

namespace poetry::get {

/// Processor time and context switches of `who`, as in getrusage(2); and the peak memory of the
/// process.
report::Cost cost_of(int who);

class Progress {
 public:
  /// `at_once` tasks at most are in flight.
  Progress(output::TerminalWriter& screen, std::size_t tasks, std::size_t at_once);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void received(std::uint64_t bytes) { received_ += bytes; }
  /// So many of the bytes are void.
  void discarded(std::uint64_t bytes) { discarded_ += bytes; }
  void ended(fetch::Outcome outcome) { ++(outcome == fetch::Outcome::ok ? done_ : failed_); }

  /// Erases the line for good.
  void stop();
  /// What the line itself has cost the process; after stop().
  [[nodiscard]] const report::Cost& cost() const { return cost_; }

 private:
  struct Sample {
    base::TimePoint at;
    std::uint64_t received = 0;
  };

  void draw_until_stopped();
  [[nodiscard]] std::string line(base::TimePoint now);

  output::TerminalWriter& terminal_;
  const std::size_t tasks_;
  const std::size_t at_once_;
  const base::TimePoint started_ = base::Clock::now();
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<std::uint64_t> discarded_ = 0;
  std::atomic<std::size_t> done_ = 0;
  std::atomic<std::size_t> failed_ = 0;
  std::deque<Sample> samples_{{started_}};  // of the last few seconds, for the rate; the thread's
  report::Cost cost_;                       // of the thread, once it has ended
  std::mutex mutex_;                        // guards stopped_
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace poetry::get
