// Tells at once that something has happened to a log or in its directory, by inotify(7), and by
// which name a file that had the log's name goes now. A help and no more: where inotify cannot be
// had, nothing is told, and the log is looked at from time to time all the same. Owned by a
// LogTail.
#pragma once

#include <cstddef>
#include <cstdint>
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

  explicit LogWatch(const std::string& path, Notice notice = Notice::inotify);

  /// Sets up what is missing; to be called before each look at the log, since what could not be had
  /// a moment ago may be there by now, and the directory may be another one.
  void renew();
  /// Takes what has happened. After it readable() is not readable until something happens again.
  void take_events();
  /// Paths to which files that had the log's name were renamed, oldest first; each is told once.
  std::vector<std::string> take_renamed();

  /// Watches an open file. Returns what unwatch() takes; -1 where it cannot be had.
  int watch(int fd);
  void unwatch(int watch);
  /// Readable when something happened; -1 where there is no inotify.
  [[nodiscard]] int readable() const { return inotify_.get(); }

 private:
  /// A file that had the log's name, on its way from one name to the next.
  struct Renamed {
    std::string name;          ///< empty while only half of a rename(2) has been told
    std::uint32_t cookie = 0;  ///< of that half
  };
  void happened(std::uint32_t mask, std::uint32_t cookie, std::string_view name);

  Notice notice_;
  std::string directory_;  // of the log, with a slash at the end
  std::string name_;       // in it
  base::Fd inotify_;
  int directory_watch_ = -1;
  std::vector<Renamed> renamed_;
};

}  // namespace poetry::session
