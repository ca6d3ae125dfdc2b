// Tells at once that something has happened to a log or in its directory, by inotify(7), and by
// which name a file that had the log's name goes now. A help and no more: where inotify cannot be
// had, nothing is told, and the log is looked at from time to time all the same. Owned by a
// LogTail.
#pragma once

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace poetry::session {

/// Whether inotify is used where it can be had; tests do without.
enum class Notice { inotify, none };

class LogWatch {
 public:
  /// Bounds what is known of files that were renamed; far more than are renamed between two looks.
  static constexpr std::size_t max_renamed = 256;

  LogWatch(const std::string& path, Notice notice) : notice_(notice) {
    const auto name_at = path.find_last_of('/') + 1;  // npos + 1 is 0
    directory_ = name_at == 0 ? "./" : path.substr(0, name_at);
    name_ = path.substr(name_at);
  }

  /// Sets up what is missing; to be called before each look at the log, since what could not be had
  /// a moment ago may be there by now, and the directory may be another one.
  void renew() {
    if (!inotify_ && notice_ == Notice::inotify)
      inotify_ = base::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_) return;
    // A directory that is watched already keeps its watch.
    const int watch =
        ::inotify_add_watch(inotify_.get(), directory_.c_str(),
                            IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
    if (watch == directory_watch_) return;
    unwatch(directory_watch_);
    directory_watch_ = watch;
  }
  /// Takes what has happened. After it readable() is not readable until something happens again.
  void take_events() {
    constexpr int max_reads = 64;  // while another process changes the directory without pause
    alignas(inotify_event) std::array<char, std::size_t{16} << 10> buffer{};
    for (int i = 0; inotify_ && i < max_reads; ++i) {
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
  /// Paths to which files that had the log's name were renamed, oldest first; each is told once.
  std::vector<std::string> take_renamed() {
    std::vector<std::string> paths;
    for (const auto& file : renamed_)
      if (!file.name.empty()) paths.push_back(directory_ + file.name);
    std::erase_if(renamed_, [](const Renamed& file) { return !file.name.empty(); });
    return paths;
  }

  /// Watches an open file. Returns what unwatch() takes; -1 where it cannot be had.
  int watch(int fd) {
    if (!inotify_) return -1;
    const auto path = "/proc/self/fd/" + std::to_string(fd);
    return ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY | IN_MOVE_SELF | IN_ATTRIB);
  }
  void unwatch(int watch) {
    if (watch >= 0) ::inotify_rm_watch(inotify_.get(), watch);
  }
  /// Readable when something happened; -1 where there is no inotify.
  [[nodiscard]] int readable() const { return inotify_.get(); }

 private:
  /// A file that had the log's name, on its way from one name to the next.
  struct Renamed {
    std::string name;          ///< empty while only half of a rename(2) has been told
    std::uint32_t cookie = 0;  ///< of that half
  };

  /// Follows files that had the log's name from name to name.
  void happened(std::uint32_t mask, std::uint32_t cookie, std::string_view name) {
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

  Notice notice_;
  std::string directory_;  // of the log, with a slash at the end
  std::string name_;       // in it
  base::Fd inotify_;
  int directory_watch_ = -1;
  std::vector<Renamed> renamed_;
};

}  // namespace poetry::session
