#include "cli/log_queue.hpp"

#include <spdlog/pattern_formatter.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/quantity.hpp"
#include "base/write_fully.hpp"

namespace poetry::cli {
namespace {

/// Some ten thousand lines: seconds of a busy server's.
constexpr std::size_t max_waiting = std::size_t{1} << 20;
constexpr auto last_chance = std::chrono::milliseconds(300);

/// By level, as spdlog colours them (ECMA-48, select graphic rendition).
constexpr std::array<std::string_view, spdlog::level::n_levels> level_colours{
    "\x1b[37m",        "\x1b[36m",        "\x1b[32m", "\x1b[33m\x1b[1m",
    "\x1b[31m\x1b[1m", "\x1b[1m\x1b[41m", ""};
constexpr std::string_view no_colour = "\x1b[m";

}  // namespace

struct LogQueue::Lines {
  Lines(int its_file, base::Colours its_colours) : file(its_file), colours(its_colours) {}

  void put(const spdlog::details::log_msg& message);
  [[nodiscard]] std::string format(const spdlog::details::log_msg& message);
  void start();
  void write();
  [[nodiscard]] std::string next();

  const pid_t process = ::getpid();
  const int file;
  const base::Colours colours;
  std::mutex mutex;  // of all that follows
  std::condition_variable changed;
  std::unique_ptr<spdlog::formatter> formatter = std::make_unique<spdlog::pattern_formatter>();
  std::deque<std::string> waiting;
  std::size_t bytes = 0;
  std::size_t dropped = 0;
  bool running = false;
  bool writing = false;
};

void LogQueue::Lines::put(const spdlog::details::log_msg& message) {
  std::unique_lock lock(mutex);
  auto line = format(message);
  if (dropped > 0 || bytes + line.size() > max_waiting) {
    ++dropped;
  } else {
    bytes += line.size();
    waiting.push_back(std::move(line));
  }
  start();
  lock.unlock();
  changed.notify_all();
}

std::string LogQueue::Lines::format(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t buffer;
  formatter->format(message, buffer);
  std::string line(buffer.data(), buffer.size());
  if (colours == base::Colours::yes && message.color_range_end > message.color_range_start) {
    line.insert(message.color_range_end, no_colour);
    line.insert(message.color_range_start, level_colours.at(message.level));
  }
  return line;
}

/// With all signals blocked, which others wait for. Where no thread can be had, the caller writes.
void LogQueue::Lines::start() {
  if (running) return;
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  try {
    std::thread([this] { write(); }).detach();
    running = true;
  } catch (const std::system_error&) {
    for (; !waiting.empty() || dropped > 0;) base::write_fully(file, next());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LogQueue::Lines::write() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return !waiting.empty() || dropped > 0; });
    const auto line = next();
    writing = true;
    lock.unlock();
    base::write_fully(file, line);  // nobody is left to be told of an error
    lock.lock();
    writing = false;
    if (waiting.empty()) changed.notify_all();
  }
}

std::string LogQueue::Lines::next() {
  if (waiting.empty()) {
    const auto text = base::counted(std::exchange(dropped, 0), "line") +
                      " of the log left out: it is read too slowly";
    return format({{}, "poetry", spdlog::level::warn, text});
  }
  auto line = std::move(waiting.front());
  waiting.pop_front();
  bytes -= line.size();
  return line;
}

LogQueue::LogQueue(base::Fd file, base::Colours colours)
    : lines_(new Lines(file.release(), colours)) {}

LogQueue::~LogQueue() {
  flush();
  auto* const here = lines_.load();
  if (here->process == ::getpid() && !here->running) delete here;
}

void LogQueue::log(const spdlog::details::log_msg& message) { lines().put(message); }

void LogQueue::flush() {
  auto& here = lines();
  std::unique_lock lock(here.mutex);
  here.changed.wait_for(lock, last_chance, [&here] {
    return here.waiting.empty() && here.dropped == 0 && !here.writing;
  });
}

void LogQueue::set_pattern(const std::string& pattern) {
  set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern));
}

void LogQueue::set_formatter(std::unique_ptr<spdlog::formatter> formatter) {
  auto& here = lines();
  const std::lock_guard lock(here.mutex);
  here.formatter = std::move(formatter);
}

/// This process's own.
LogQueue::Lines& LogQueue::lines() {
  auto* const known = lines_.load();
  if (known->process == ::getpid()) return *known;
  auto* const fresh = new Lines(known->file, known->colours);
  fresh->formatter = known->formatter->clone();
  auto* expected = known;
  return lines_.compare_exchange_strong(expected, fresh) ? *fresh : *expected;
}

}  // namespace poetry::cli
