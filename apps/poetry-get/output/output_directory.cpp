#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/write_fully.hpp"
#include "output/output.hpp"

namespace poetry::get::output {
namespace {

constexpr std::size_t max_label = 200;  // bytes of it; a name of a file has 255 at most (NAME_MAX)

[[noreturn]] void fail(const std::string& path, int error = errno) {
  throw TaskOutputError("write to " + path + ": " + std::generic_category().message(error));
}

// Every call opens its file anew: thousands of tasks in flight need their descriptors for sockets.
class DirectoryOutput final : public Output {
 public:
  DirectoryOutput(std::string directory, fetch::Servers servers)
      : directory_(std::move(directory)), servers_(std::move(servers)), begun_(servers_.size()) {
    for (std::size_t task = 0; task < servers_.size(); ++task) remove_earlier(task);
  }

  void write(std::size_t task, std::string_view bytes) override {
    const std::string path = part_path(task);
    const base::Fd file = open(task, path);
    const auto error = base::write_fully(file.get(), bytes);
    if (error) fail(path, error.value());
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

  // What an earlier run left does not pass for this one's. What cannot be removed is found when the
  // task writes.
  void remove_earlier(std::size_t task) {
    ::unlink(whole_path(task).c_str());
    ::unlink(part_path(task).c_str());
  }

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
  for (char& each : name) {
    const bool plain = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') ||
                       (each >= 'A' && each <= 'Z') || each == '.' || each == '_' || each == '-';
    if (!plain) each = '_';
  }
  return fmt::format("{:0{}}-{}.txt", task + 1, width, name);
}

}  // namespace poetry::get::output
