#include "cli/log.hpp"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/quantity.hpp"
#include "base/shared_memory.hpp"
#include "base/shown_text.hpp"
#include "base/terminal.hpp"

namespace poetry::cli {
namespace {

/// The message as a JSON string, quotes included, and each fact as a member behind it.
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& buffer) override {
    const auto logged = base::facts_of_line();
    const std::string_view text(message.payload.data(), message.payload.size());
    buffer.append(base::json_string(logged.facts.empty() ? text : logged.message));
    for (const auto& fact : logged.facts)
      buffer.append("," + base::json_string(fact.name) + ":" + fact.json);
  }
  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<JsonMessage>();
  }
};

/// Some ten thousand lines: seconds of a busy server's.
constexpr std::size_t max_waiting = std::size_t{1} << 20;
constexpr auto last_chance = std::chrono::milliseconds(300);

/// By level, as spdlog colours them (ECMA-48, select graphic rendition).
constexpr std::array<std::string_view, spdlog::level::n_levels> level_colours{
    "\x1b[37m",        "\x1b[36m",        "\x1b[32m", "\x1b[33m\x1b[1m",
    "\x1b[31m\x1b[1m", "\x1b[1m\x1b[41m", ""};
constexpr std::string_view no_colour = "\x1b[m";

/// Where lines go. Of a file that does not take them standard error is told, once by all processes
/// that write to it; of standard error nobody is.
struct LogFile {
  void write(std::string_view line) const {
    const auto error = base::write_fully(descriptor, line);
    if (error && told && !told->exchange(true))
      base::write_fully(STDERR_FILENO, attempt + ": " + error.message() + "\n");
  }

  int descriptor = STDERR_FILENO;
  base::Colours colours = base::Colours::no;
  std::string attempt{};
  std::shared_ptr<std::atomic<bool>> told{};
};

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
    if (file.colours == base::Colours::yes && message.color_range_end > message.color_range_start) {
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
      while (has_more()) file.write(next());
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
      file.write(line);
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

  const LogFile file;
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

/// Where lines wait until they are written, by a thread of its own and by one write(2) each, so
/// that a reader who stands still (a pipe, a terminal) holds up nobody. Bounded: what finds no room
/// is counted, and told once there is some. Takes lines in any thread, and in processes that are
/// forked from this one: each has a queue. flush() waits until all is written, but no longer than
/// 300 ms. The file may be non-blocking; it is never closed.
class LogQueue final : public spdlog::sinks::sink {
 public:
  explicit LogQueue(const LogFile& file)
      : lines_(new QueuedLines{file, std::make_unique<spdlog::pattern_formatter>()}) {}
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
    auto* const fresh = new QueuedLines{known->file, known->formatter->clone()};
    return lines_.compare_exchange_strong(known, fresh) ? *fresh : *known;
  }

  // Not destroyed where it has been used: its thread may be in a write that does not end, and in a
  // forked process nobody can say what state it is in.
  std::atomic<QueuedLines*> lines_;
};

LogFile open_log(const LogOptions& options, const std::string& tool) {
  if (options.file.empty()) return {STDERR_FILENO, base::terminal_colours(STDERR_FILENO)};
  const auto told = base::make_shared_memory<std::atomic<bool>>();
  return base::with_remedy(base::path_remedy, [&]() -> LogFile {
    // O_NONBLOCK: a FIFO without a reader is an error, and nothing to wait for.
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    auto file = base::opened(::open(options.file.c_str(), flags, 0666), "open", options.file);
    const auto attempt = tool + ": write to " + base::shown_utf8(options.file);
    return {file.release(), base::Colours::no, attempt, told};
  });
}

}  // namespace

void set_up_log(const LogOptions& options, const std::string& tool) {
  auto logger =
      std::make_shared<spdlog::logger>(tool, std::make_shared<LogQueue>(open_log(options, tool)));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JsonMessage>('*');
  formatter->set_pattern(options.format == "json"
                             ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})"
                             : "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(options.level));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace poetry::cli
