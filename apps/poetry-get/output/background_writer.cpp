#include "output/background_writer.hpp"

#include <system_error>

namespace poetry::get::output {

BackgroundWriter::~BackgroundWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundWriter::wake() {
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

bool BackgroundWriter::flush(base::TimePoint until) {
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

void BackgroundWriter::write(Until until) {
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

}  // namespace poetry::get::output
