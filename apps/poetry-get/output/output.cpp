#include "output/output.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "output/spool.hpp"

namespace poetry::get::output {
namespace {

class OrderedOutput final : public Output {
 public:
  OrderedOutput(Sink sink, std::size_t tasks, Attempts attempts)
      : sink_(std::move(sink)), attempts_(attempts), ended_(tasks) {}

  void write(std::size_t task, std::string_view bytes) override {
    if (task == first_ && attempts_ == Attempts::one) {
      sink_(bytes);
      return;
    }
    try {
      spool_.append(task, bytes);
    } catch (const std::system_error& error) {
      throw TaskOutputError(error.what());
    }
  }

  void discard(std::size_t task) override { spool_.discard(task); }

  void end(std::size_t task, fetch::Outcome) override {
    ended_[task] = true;
    if (task != first_) return;
    while (first_ < ended_.size() && ended_[first_]) spool_.drain(first_++, sink_);
    // The next one streams from here on.
    if (first_ < ended_.size() && attempts_ == Attempts::one) spool_.drain(first_, sink_);
  }

 private:
  Sink sink_;
  Attempts attempts_;
  Spool spool_;
  std::vector<bool> ended_;
  std::size_t first_ = 0;  // of those that are not over
};

class LiveOutput final : public Output {
 public:
  explicit LiveOutput(Sink sink) : sink_(std::move(sink)) {}

  void write(std::size_t task, std::string_view bytes) override {
    std::string& line = unfinished_[task];
    std::string out;
    for (const char each : bytes) {
      if (each == '\n' || line.size() == max_unfinished) finish_line(task, line, out);
      if (each != '\n') line += each;
    }
    if (!out.empty()) sink_(out);
  }

  void discard(std::size_t task) override { unfinished_.erase(task); }

  void end(std::size_t task, fetch::Outcome) override {
    const auto found = unfinished_.find(task);
    if (found == unfinished_.end()) return;
    std::string out;
    if (!found->second.empty()) finish_line(task, found->second, out);
    unfinished_.erase(found);
    if (!out.empty()) sink_(out);
  }

 private:
  // Thousands of tasks may each hold so much.
  static constexpr std::size_t max_unfinished = std::size_t{16} << 10;

  static void finish_line(std::size_t task, std::string& line, std::string& out) {
    out.append("[").append(std::to_string(task + 1)).append("] ").append(line).append("\n");
    line.clear();
  }

  Sink sink_;
  std::unordered_map<std::size_t, std::string> unfinished_;  // of tasks in flight
};

}  // namespace

std::unique_ptr<Output> make_ordered_output(Sink sink, std::size_t tasks, Attempts attempts) {
  return std::make_unique<OrderedOutput>(std::move(sink), tasks, attempts);
}

std::unique_ptr<Output> make_live_output(Sink sink) {
  return std::make_unique<LiveOutput>(std::move(sink));
}

}  // namespace poetry::get::output
