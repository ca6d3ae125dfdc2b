#include "output/background_writer.hpp"

#include <system_error>
#include <utility>

namespace poetry::get::output {

BackgroundWriter::BackgroundWriter(Source source, Sink sink)
    : source_(std::move(source)), sink_(std::move(sink)) {}

BackgroundWriter::~BackgroundWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// Where no thread can be had, the caller's writes, and waits for the reader.
void BackgroundWriter::wake() {
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { write(Until::stopped); });
    } catch (const std::system_error&) {
      write(Until::empty);
    }
  }
  changed_.notify_one();
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

void BackgroundWriter::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (error_) std::rethrow_exception(error_);
}

void BackgroundWriter::write(Until until) {
  std::unique_lock lock(mutex_);
  try {
    while (!stopped_) {
      const std::string piece = source_();
      if (!piece.empty()) {
        lock.unlock();
        sink_(piece);
        lock.lock();
      } else if (finishing_ || until == Until::empty) {
        return;
      } else {
        changed_.wait(lock);
      }
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    error_ = std::current_exception();
  }
}

}  // namespace poetry::get::output
