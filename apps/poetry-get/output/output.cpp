#include "output/output.hpp"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "output/spool.hpp"

namespace poetry::get::output {
namespace {

class OrderedOutput final : public Output {
 public:
  OrderedOutput(Sink sink, std::size_t tasks, Attempts attempts)
      : attempts_(attempts),
        ended_(tasks),
        writer_([this] { return next_piece(); }, std::move(sink)) {
    writer_.wake();  // now there is a thread to be had
  }

  void write(std::size_t task, std::string_view bytes) override {
    std::unique_lock lock(writer_.mutex());
    try {
      spool_.append(task, bytes);
    } catch (const std::system_error& error) {
      throw TaskOutputError(error.what());
    }
    const bool streams = task == first_ && attempts_ == Attempts::one;
    lock.unlock();
    if (streams) writer_.wake();
  }

  void discard(std::size_t task) override {
    const std::lock_guard lock(writer_.mutex());
    spool_.discard(task);
  }

  void end(std::size_t task, fetch::Outcome) override {
    std::unique_lock lock(writer_.mutex());
    ended_[task] = true;
    const bool goes_on = task == first_;
    lock.unlock();
    if (goes_on) writer_.wake();
  }

  // What is written as it comes waits for its reader; the others wait for their turn in the spool.
  bool has_room(std::size_t task) override {
    const std::lock_guard lock(writer_.mutex());
    const bool streams = task == first_ && attempts_ == Attempts::one;
    return !streams || writer_.failed() || spool_.size_of(task) < max_unwritten;
  }

  bool flush(base::TimePoint until) override { return writer_.flush(until); }

 private:
  static constexpr std::uint64_t max_unwritten = Spool::max_of_a_task / 2;

  std::string next_piece() {
    for (; first_ < ended_.size(); ++first_) {
      if (!ended_[first_] && attempts_ == Attempts::several) return {};
      std::string piece = spool_.take(first_);
      if (!piece.empty() || !ended_[first_]) return piece;
    }
    return {};
  }

  Attempts attempts_;
  // All that follows is guarded by the writer's mutex.
  Spool spool_;
  std::vector<bool> ended_;
  std::size_t first_ = 0;    // of those that are not over, or not written yet
  BackgroundWriter writer_;  // goes first
};

class LiveOutput final : public Output {
 public:
  explicit LiveOutput(Sink sink)
      : writer_([this] { return std::exchange(lines_, {}); }, std::move(sink)) {
    writer_.wake();  // now there is a thread to be had
  }

  void write(std::size_t task, std::string_view bytes) override {
    std::string& line = unfinished_[task];
    std::string out;
    for (const char each : bytes) {
      if (each == '\n' || line.size() == max_unfinished) finish_line(task, line, out);
      if (each != '\n') line += each;
    }
    put(out);
  }

  void discard(std::size_t task) override { unfinished_.erase(task); }

  void end(std::size_t task, fetch::Outcome) override {
    const auto found = unfinished_.find(task);
    if (found == unfinished_.end()) return;
    std::string out;
    if (!found->second.empty()) finish_line(task, found->second, out);
    unfinished_.erase(found);
    put(out);
  }

  bool has_room(std::size_t /*task*/) override {
    const std::lock_guard lock(writer_.mutex());
    return writer_.failed() || lines_.size() < max_unwritten;
  }

  bool flush(base::TimePoint until) override { return writer_.flush(until); }

 private:
  // Thousands of tasks may each hold so much.
  static constexpr std::size_t max_unfinished = std::size_t{16} << 10;
  static constexpr std::size_t max_unwritten = std::size_t{1} << 20;

  static void finish_line(std::size_t task, std::string& line, std::string& out) {
    out.append("[").append(std::to_string(task + 1)).append("] ").append(line).append("\n");
    line.clear();
  }

  void put(const std::string& lines) {
    if (!lines.empty()) writer_.wake_after([&] { lines_ += lines; });
  }

  std::unordered_map<std::size_t, std::string> unfinished_;  // of tasks in flight
  std::string lines_;                                        // guarded by the writer's mutex
  BackgroundWriter writer_;
};

}  // namespace

std::unique_ptr<Output> make_ordered_output(Sink sink, std::size_t tasks, Attempts attempts) {
  return std::make_unique<OrderedOutput>(std::move(sink), tasks, attempts);
}

std::unique_ptr<Output> make_live_output(Sink sink) {
  return std::make_unique<LiveOutput>(std::move(sink));
}

}  // namespace poetry::get::output
