// Writes in a thread of its own, so that a reader that has stopped holds up neither deadlines nor
// signals. Owned by an output for one run.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "output/sink.hpp"

namespace poetry::get::output {

class BackgroundWriter {
 public:
  /// What is to be written next; empty where there is nothing now.
  using Source = std::function<std::string()>;

  /// The source is called in the thread, under mutex(); the sink, which may block, without it.
  BackgroundWriter(Source source, Sink sink);
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  /// Waits for a call of the sink that is under way, and writes no more.
  ~BackgroundWriter();

  std::mutex& mutex() { return mutex_; }
  /// Whether wake() would raise. Under mutex().
  [[nodiscard]] bool failed() const { return error_ != nullptr; }
  /// The source may have something. Raises what the sink has raised.
  void wake();
  /// Waits until the source has nothing more. Raises as wake() does.
  void finish();

 private:
  enum class Until { empty, stopped };
  void write(Until until);

  Source source_;
  Sink sink_;
  std::mutex mutex_;  // guards what the source reads, and the rest
  std::condition_variable changed_;
  std::exception_ptr error_;
  bool finishing_ = false;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace poetry::get::output
