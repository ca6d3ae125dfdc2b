// What this process has used; and the line that tells how far a run is: done, failed, in flight,
// left, bytes, rate, elapsed. Owned by one run of one engine. A thread of its own redraws it, for
// the strategies may wait for long; it exists only where the screen shows the line.
#pragma once

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "live_timeline.hpp"
#include "output/terminal_writer.hpp"
#include "report/report.hpp"

namespace poetry::get {

inline base::Duration duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Not getrusage(2)'s ru_maxrss, which starts with what the process that called exec had used.
inline std::uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

/// Processor time and context switches of `who`, as in getrusage(2); and the peak memory of the
/// process.
inline report::Cost cost_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  report::Cost cost;
  cost.cpu_user = duration_of(usage.ru_utime);
  cost.cpu_system = duration_of(usage.ru_stime);
  cost.context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
  cost.max_rss_kib = peak_memory_kib();
  return cost;
}

class Progress {
 public:
  /// `at_once` tasks at most are in flight. `live`, which may be null, is drawn above the line.
  Progress(output::TerminalWriter& screen, std::size_t tasks, std::size_t at_once,
           LiveTimeline* live)
      : terminal_(screen), tasks_(tasks), at_once_(at_once), live_(live) {
    if (!terminal_.shows_progress()) return;
    thread_ = std::jthread([this](const std::stop_token& stop) { draw_until(stop); });
  }

  ~Progress() { stop(); }

  void received(std::uint64_t bytes) { received_ += bytes; }
  /// So many of the bytes are void.
  void discarded(std::uint64_t bytes) { discarded_ += bytes; }
  void ended(fetch::Outcome outcome) { ++(outcome == fetch::Outcome::ok ? done_ : failed_); }

  /// Erases the line for good, and leaves the picture where it is.
  void stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    terminal_.show({});
    if (live_ != nullptr) terminal_.put_lines(picture(base::Clock::now()));
  }
  /// What the line itself has cost the process; after stop().
  [[nodiscard]] const report::Cost& cost() const { return cost_; }

 private:
  static constexpr base::Duration redrawn_after = std::chrono::milliseconds(100);
  // Over which the rate is taken: poems come in bursts, seconds apart.
  static constexpr base::Duration rate_window = std::chrono::seconds(5);

  struct Sample {
    base::TimePoint at;
    std::uint64_t received = 0;
  };

  /// Three digits and a unit, powers of 1000.
  static std::string short_size(double bytes) {
    constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    for (; bytes >= 999.5 && unit + 1 < units.size(); ++unit) bytes /= 1000;
    const int decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
  }

  /// "4.2 s", "1:05", "1:00:05".
  static std::string short_time(base::Duration time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time).count();
    if (whole < 60) return fmt::format("{:.1f} s", base::seconds(time));
    if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }

  void draw_until(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;  // but by the token
    while (!never.wait_for(lock, stop, redrawn_after, [&] { return stop.stop_requested(); })) {
      terminal_.show(text(base::Clock::now()));
    }
    cost_ = cost_of(RUSAGE_THREAD);
  }

  // The window's last column stays free, lest it begin a new line. Of a small window a picture
  // would scroll away what is to be drawn over.
  std::string text(base::TimePoint now) {
    const auto window = base::window_size(STDERR_FILENO);
    const bool large = window.columns >= 60 && window.lines >= 12;
    return live_ != nullptr && large ? picture(now) : line(now).substr(0, window.columns - 1);
  }

  std::string picture(base::TimePoint now) {
    constexpr std::size_t around = 9;  // lines for the heading, the scale and the legend
    const auto window = base::window_size(STDERR_FILENO);
    const auto rows = window.lines > around ? window.lines - around : 1;
    return live_->draw(
        now, now - started_, line(now), rows,
        {window.columns - 1, base::terminal_glyphs(), base::terminal_colours(STDERR_FILENO)});
  }

  [[nodiscard]] std::string line(base::TimePoint now) {
    const std::uint64_t received = received_;
    samples_.push_back({now, received});
    while (now - samples_.front().at > rate_window) samples_.pop_front();
    const Sample& before = samples_.front();
    const double rate = static_cast<double>(received - before.received) /
                        std::max(base::seconds(now - before.at), 1e-3);
    const std::size_t unfinished = tasks_ - std::min(tasks_, done_ + failed_);
    const std::size_t in_flight = std::min(at_once_, unfinished);
    return fmt::format("{} done, {} failed, {} in flight, {} left, {}, {}/s, {}", done_.load(),
                       failed_.load(), in_flight, unfinished - in_flight,
                       short_size(static_cast<double>(received - discarded_)), short_size(rate),
                       short_time(now - started_));
  }

  output::TerminalWriter& terminal_;
  const std::size_t tasks_;
  const std::size_t at_once_;
  LiveTimeline* live_;
  const base::TimePoint started_ = base::Clock::now();
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<std::uint64_t> discarded_ = 0;
  std::atomic<std::size_t> done_ = 0;
  std::atomic<std::size_t> failed_ = 0;
  std::deque<Sample> samples_{{started_}};  // of the last few seconds, for the rate; the thread's
  report::Cost cost_;                       // of the thread, once it has ended
  std::jthread thread_;                     // goes first
};

}  // namespace poetry::get
