#include "progress.hpp"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace poetry::get {
namespace {

constexpr base::Duration redrawn_after = std::chrono::milliseconds(100);
// Over which the rate is taken: poems come in bursts, seconds apart.
constexpr base::Duration rate_window = std::chrono::seconds(5);

/// Three digits and a unit, powers of 1000.
std::string short_size(double bytes) {
  constexpr std::array<std::string_view, 5> units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  const int decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes, decimals, units[unit]);
}

/// "4.2 s", "1:05", "1:00:05".
std::string short_time(base::Duration time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time).count();
  if (whole < 60) return fmt::format("{:.1f} s", base::seconds(time));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

base::Duration duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Not getrusage(2)'s ru_maxrss, which starts with what the process that called exec had used.
std::uint64_t peak_memory_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace

report::Cost cost_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  report::Cost cost;
  cost.cpu_user = duration_of(usage.ru_utime);
  cost.cpu_system = duration_of(usage.ru_stime);
  cost.context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
  cost.max_rss_kib = peak_memory_kib();
  return cost;
}

Progress::Progress(output::TerminalWriter& screen, std::size_t tasks, std::size_t at_once)
    : terminal_(screen), tasks_(tasks), at_once_(at_once) {
  if (terminal_.shows_progress()) thread_ = std::thread([this] { draw_until_stopped(); });
}

Progress::~Progress() { stop(); }

void Progress::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  thread_.join();
  terminal_.show({});
}

void Progress::draw_until_stopped() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, redrawn_after, [this] { return stopped_; })) {
    terminal_.show(line(base::Clock::now()).substr(0, terminal_.width()));
  }
  cost_ = cost_of(RUSAGE_THREAD);
}

std::string Progress::line(base::TimePoint now) {
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

}  // namespace poetry::get
