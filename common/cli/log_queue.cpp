#include "cli/log_queue.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <memory>
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

/// Of one process.
struct QueuedLines {
  void put(const spdlog::details::log_msg& message) {
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

  [[nodiscard]] bool has_more() const { return !waiting.empty() || dropped > 0; }

  std::string format(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t buffer;
    formatter->format(message, buffer);
    std::string line(buffer.data(), buffer.size());
    if (colours == base::Colours::yes && message.color_range_end > message.color_range_start) {
      line.insert(message.color_range_end, no_colour);
      line.insert(message.color_range_start, level_colours.at(message.level));
    }
    return line;
  }

  /// With all signals blocked, which others wait for. Where no thread can be had, the caller
  /// writes.
  void start() {
    if (running) return;
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
      std::thread([this] { write(); }).detach();
      running = true;
    } catch (const std::system_error&) {
      while (has_more()) base::write_fully(file, next());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void write() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return has_more(); });
      const auto line = next();
      writing = true;
      lock.unlock();
      base::write_fully(file, line);  // nobody is left to be told of an error
      lock.lock();
      writing = false;
      if (waiting.empty()) changed.notify_all();
    }
  }

  std::string next() {
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

  const int file;
  const base::Colours colours;
  std::unique_ptr<spdlog::formatter> formatter;  // like all that follows, the mutex guards it
  const pid_t process = ::getpid();
  std::mutex mutex{};
  std::condition_variable changed{};
  std::deque<std::string> waiting{};
  std::size_t bytes = 0;
  std::size_t dropped = 0;
  bool running = false;
  bool writing = false;
};

class LogQueue final : public spdlog::sinks::sink {
 public:
  LogQueue(base::Fd file, base::Colours colours)
      : lines_(new QueuedLines{file.release(), colours,
                               std::make_unique<spdlog::pattern_formatter>()}) {}
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;
  ~LogQueue() override {
    flush();
    auto* const here = lines_.load();
    if (here->process == ::getpid() && !here->running) delete here;
  }

  void log(const spdlog::details::log_msg& message) override { lines().put(message); }

  void flush() override {
    auto& here = lines();
    std::unique_lock lock(here.mutex);
    here.changed.wait_for(lock, last_chance, [&] { return !here.has_more() && !here.writing; });
  }

  void set_pattern(const std::string& pattern) override {
    set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern));
  }

  void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override {
    auto& here = lines();
    const std::lock_guard lock(here.mutex);
    here.formatter = std::move(formatter);
  }

 private:
  /// This process's own.
  QueuedLines& lines() {
    auto* known = lines_.load();
    if (known->process == ::getpid()) return *known;
    auto* const fresh = new QueuedLines{known->file, known->colours, known->formatter->clone()};
    return lines_.compare_exchange_strong(known, fresh) ? *fresh : *known;
  }

  // Not destroyed where it has been used: its thread may be in a write that does not end, and in a
  // forked process nobody can say what state it is in.
  std::atomic<QueuedLines*> lines_;
};

}  // namespace

spdlog::sink_ptr make_log_queue(base::Fd file, base::Colours colours) {
  return std::make_shared<LogQueue>(std::move(file), colours);
}

}  // namespace poetry::cli
