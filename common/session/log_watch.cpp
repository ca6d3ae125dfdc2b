#include "session/log_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace poetry::session {
namespace {

constexpr std::uint32_t directory_events =
    IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;
constexpr std::uint32_t file_events = IN_MODIFY | IN_MOVE_SELF | IN_ATTRIB;

/// Bounds a look while another process changes the directory without pause.
constexpr int reads_per_look = 64;

}  // namespace

LogWatch::LogWatch(const std::string& path, Notice notice) : notice_(notice) {
  const auto name_at = path.find_last_of('/') + 1;  // npos + 1 is 0
  directory_ = name_at == 0 ? "./" : path.substr(0, name_at);
  name_ = path.substr(name_at);
}

void LogWatch::renew() {
  if (!inotify_ && notice_ == Notice::inotify)
    inotify_ = base::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return;
  // A directory that is watched already keeps its watch.
  const int watch = ::inotify_add_watch(inotify_.get(), directory_.c_str(), directory_events);
  if (watch == directory_watch_) return;
  unwatch(directory_watch_);
  directory_watch_ = watch;
}

void LogWatch::take_events() {
  alignas(inotify_event) std::array<char, std::size_t{16} << 10> buffer{};
  for (int i = 0; inotify_ && i < reads_per_look; ++i) {
    const auto size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      if (event.wd == directory_watch_ && event.len > 0) happened(event.mask, event.cookie, name);
      at += sizeof event + event.len;
    }
  }
}

/// Follows files that had the log's name from name to name.
void LogWatch::happened(std::uint32_t mask, std::uint32_t cookie, std::string_view name) {
  const auto find = [this](const auto& matches) {
    return std::find_if(renamed_.begin(), renamed_.end(), matches);
  };
  const auto bears_name = [name](const Renamed& file) { return file.name == name; };
  if ((mask & IN_MOVED_FROM) != 0) {
    auto file = find(bears_name);
    if (file == renamed_.end()) {
      if (name != name_) return;
      if (renamed_.size() == max_renamed) renamed_.erase(renamed_.begin());
      file = renamed_.insert(renamed_.end(), Renamed{});
    }
    *file = {"", cookie};
  } else if ((mask & (IN_MOVED_TO | IN_DELETE)) != 0) {
    std::erase_if(renamed_, bears_name);  // it is gone, or replaced
    const auto file = find([=](const Renamed& each) {
      return (mask & IN_MOVED_TO) != 0 && each.name.empty() && each.cookie == cookie;
    });
    if (file == renamed_.end()) return;
    if (name == name_) {
      renamed_.erase(file);
    } else {
      *file = {std::string(name), 0};
    }
  }
}

std::vector<std::string> LogWatch::take_renamed() {
  std::vector<std::string> paths;
  for (const auto& file : renamed_) {
    if (!file.name.empty()) paths.push_back(directory_ + file.name);
  }
  std::erase_if(renamed_, [](const Renamed& file) { return !file.name.empty(); });
  return paths;
}

int LogWatch::watch(int fd) {
  if (!inotify_) return -1;
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  return ::inotify_add_watch(inotify_.get(), path.c_str(), file_events);
}

void LogWatch::unwatch(int watch) {
  if (watch >= 0) ::inotify_rm_watch(inotify_.get(), watch);
}

}  // namespace poetry::session
