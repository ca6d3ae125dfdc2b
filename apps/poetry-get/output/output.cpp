#include "output/output.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/algorithm/string/classification.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/error.hpp"
#include "base/fd.hpp"
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

constexpr std::size_t max_label = 200;  // bytes of it; a name of a file has 255 at most (NAME_MAX)

[[noreturn]] void fail(const std::string& path, int error = errno) {
  throw TaskOutputError("write to " + path + ": " + std::generic_category().message(error));
}

// Every call opens its file anew: thousands of tasks in flight need their descriptors for sockets.
class DirectoryOutput final : public Output {
 public:
  DirectoryOutput(std::string directory, fetch::Servers servers)
      : directory_(std::move(directory)), servers_(std::move(servers)), begun_(servers_.size()) {
    // What an earlier run left does not pass for this one's. What cannot be removed is found when
    // the task writes.
    for (std::size_t task = 0; task < servers_.size(); ++task) {
      ::unlink(whole_path(task).c_str());
      ::unlink(part_path(task).c_str());
    }
  }

  void write(std::size_t task, std::string_view bytes) override {
    const std::string path = part_path(task);
    base::Fd file = open(task, path);
    const auto error = base::write_fully(file.get(), bytes);
    if (error) fail(path, error.value());
    if (!file.close()) fail(path);
  }

  void discard(std::size_t task) override {
    begun_[task] = false;
    open(task, part_path(task));
  }

  void end(std::size_t task, fetch::Outcome outcome) override {
    const std::string path = part_path(task);
    if (outcome == fetch::Outcome::ok && !begun_[task]) open(task, path);  // an empty poem
    if (outcome != fetch::Outcome::ok) return;
    const std::string whole = whole_path(task);
    if (std::rename(path.c_str(), whole.c_str()) < 0) fail(whole);
  }

 private:
  [[nodiscard]] std::string whole_path(std::size_t task) const {
    return directory_ + "/" + file_name(task, servers_);
  }
  [[nodiscard]] std::string part_path(std::size_t task) const { return whole_path(task) + ".part"; }

  // Others may write to the directory as well: no link is followed, and no pipe waited for.
  base::Fd open(std::size_t task, const std::string& path) {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_APPEND;
    base::Fd file(::open(path.c_str(), flags, 0666));
    if (!file) fail(path);
    struct stat found {};
    if (::fstat(file.get(), &found) < 0) fail(path);
    if (!S_ISREG(found.st_mode)) throw TaskOutputError("write to " + path + ": not a regular file");
    if (!begun_[task] && ::ftruncate(file.get(), 0) < 0) fail(path);
    begun_[task] = true;
    return file;
  }

  std::string directory_;
  fetch::Servers servers_;
  std::vector<bool> begun_;
};

}  // namespace

std::unique_ptr<Output> make_ordered_output(Sink sink, std::size_t tasks, Attempts attempts) {
  return std::make_unique<OrderedOutput>(std::move(sink), tasks, attempts);
}

std::unique_ptr<Output> make_live_output(Sink sink) {
  return std::make_unique<LiveOutput>(std::move(sink));
}

void prepare_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw std::system_error(error, "make directory " + directory);
  if (::access(directory.c_str(), W_OK | X_OK) < 0) base::throw_errno("write to", directory);
}

std::unique_ptr<Output> make_directory_output(const std::string& directory,
                                              const fetch::Servers& servers) {
  prepare_directory(directory);
  return std::make_unique<DirectoryOutput>(directory, servers);
}

std::string file_name(std::size_t task, const fetch::Servers& servers) {
  const std::size_t width = std::max<std::size_t>(3, std::to_string(servers.size()).size());
  const auto* const details = servers.details(task);
  const net::HostPort& where = servers[task];
  std::string name = details == nullptr || details->label.empty()
                         ? fmt::format("{}-{}", where.host, where.port)
                         : details->label.substr(0, max_label);
  if (name.ends_with(".txt")) name.resize(name.size() - 4);
  std::ranges::replace_if(name, !(boost::is_alnum() || boost::is_any_of("._-")), '_');
  return fmt::format("{:0{}}-{}.txt", task + 1, width, name);
}

}  // namespace poetry::get::output
