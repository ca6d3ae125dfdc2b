// Writes in a thread of its own, so that a reader that has stopped holds up neither deadlines nor
// signals. Owned by an output for one run.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
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
  ~BackgroundWriter();

  std::mutex& mutex() { return mutex_; }
  /// Whether wake() would raise. Under mutex().
  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  /// The source may have something. Raises what the sink has raised. Where no thread can be had,
  /// the caller writes, and waits for the reader.
  void wake();
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
  bool flush(base::TimePoint until = base::never);

 private:
  enum class Until { empty, stopped };
  void write(Until until);

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
