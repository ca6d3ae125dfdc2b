// Writes in a thread of its own, so that a reader that has stopped holds up neither deadlines nor
// signals. Owned by an output for one run.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/clock.hpp"

namespace poetry::get::output {

/// Where text goes piece by piece: the poems' one stream, a report's file, a pipe. What it raises
/// ends the work of who calls it.
using Sink = std::function<void(std::string_view)>;

class BackgroundWriter {
 public:
  /// What is to be written next; empty where there is nothing now.
  using Source = std::function<std::string()>;

  /// The source is called in the thread, under mutex(); the sink, which may block, without it. The
  /// thread begins with the first wake(), so that a process without threads stays one until then.
  BackgroundWriter(Source source, Sink sink) : source_(std::move(source)), sink_(std::move(sink)) {}
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  /// Waits for a call of the sink that is under way, and writes no more.
  ~BackgroundWriter() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  std::mutex& mutex() { return mutex_; }
  /// Whether wake() would raise. Under mutex().
  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  /// The source may have something. Raises what the sink has raised. Where no thread can be had,
  /// the caller writes, and waits for the reader.
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      if (error_) std::rethrow_exception(error_);
      idle_ = false;
    }
    changed_.notify_all();
    if (thread_.joinable()) return;
    try {
      thread_ = std::thread([this] { write(Until::stopped); });
    } catch (const std::system_error&) {
      write(Until::empty);
    }
  }
  /// The same after a change, made under mutex(), of what the source reads.
  template <typename Change>
  void wake_after(const Change& change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    wake();
  }
  /// Waits until all that the source has is written, but no longer than that: false where something
  /// is left. Raises as wake() does.
  bool flush(base::TimePoint until = base::never) {
    std::unique_lock lock(mutex_);
    const auto is_done = [this] { return idle_ || error_; };
    if (until == base::never) {
      changed_.wait(lock, is_done);
    } else if (!changed_.wait_until(lock, until, is_done)) {
      return false;
    }
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  enum class Until { empty, stopped };

  void write(Until until) {
    std::unique_lock lock(mutex_);
    try {
      while (!stopped_) {
        const std::string piece = source_();
        if (!piece.empty()) {
          lock.unlock();
          sink_(piece);
          lock.lock();
          continue;
        }
        idle_ = true;
        changed_.notify_all();
        if (until == Until::empty) return;
        changed_.wait(lock);
      }
    } catch (...) {
      if (!lock.owns_lock()) lock.lock();
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  Source source_;
  Sink sink_;
  std::mutex mutex_;  // guards what the source reads, and the rest
  std::condition_variable changed_;
  std::exception_ptr error_;
  bool idle_ = true;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace poetry::get::output
