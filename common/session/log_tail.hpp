// Follows a log by its name and hands on every line appended to it, each once, whatever becomes of
// the file: renamed and created anew, copied and truncated, deleted, a symbolic link that is
// switched, or not there yet. It parses nothing and reads no clock. Owned by a service and used by
// one thread at a time; opens nothing before start(), so that it may be made before a fork.
//
// What nobody can follow: lines that were truncated away before a look; a file that was truncated
// and has, where it was read last, the same bytes again; and, where inotify cannot be had, a file
// that had the log's name between two looks only.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "session/log_file.hpp"
#include "session/log_watch.hpp"

namespace poetry::session {

class LogTail {
 public:
  /// A file that was replaced or deleted is left once it has not grown for so long: writers reopen
  /// their log within moments of a rotation, but each at its own.
  static constexpr base::Duration linger = std::chrono::seconds(10);
  /// Replaced files that are read beside the new one; the oldest of more is read to its end and
  /// left. Rotations are minutes apart, so that this bounds only the extraordinary.
  static constexpr std::size_t max_replaced = 16;

  explicit LogTail(std::string path, Notice notice = Notice::inotify);

  /// Begins at the end of the file, or before what appears where there is none, and returns up to
  /// `lines` of the last whole lines there. A file that cannot be opened for the moment leaves the
  /// tail not started(), and start() is to be called again.
  std::vector<std::string> start(base::TimePoint now, std::size_t lines);
  [[nodiscard]] bool started() const { return started_; }
  /// Why nothing may come, as of the last start() or look(): the name leads nowhere, and has for
  /// longer than a rotation takes, or to what cannot be read. Empty where all is well.
  [[nodiscard]] std::string trouble(base::TimePoint now) const;
  /// NULs that were left out at the beginning of the file that has the name.
  [[nodiscard]] std::uint64_t hole() const {
    return files_.empty() ? 0 : files_.back().file.hole();
  }

  /// Hands on lines appended since the last look, of older files first, until it has read `budget`
  /// bytes or a buffer more. Says whether some may be left to read. Needs to be started().
  bool look(base::TimePoint now, std::size_t budget, const LogLineSink& sink);

  /// Readable when there is something to look at; -1 where time alone must tell.
  [[nodiscard]] int readable() const { return watch_.readable(); }

 private:
  struct Followed {
    LogFile file;
    int watch;              ///< of watch_
    base::TimePoint alive;  ///< when it was last seen to grow, or lost the log's name
  };
  using Files = std::list<Followed>;

  [[nodiscard]] bool is_there() const { return found_.state == FoundFile::State::file; }
  void find_files(base::TimePoint now, const LogLineSink& sink);
  void open_new(const std::string& path, base::TimePoint now, const LogLineSink& sink);
  [[nodiscard]] Files::iterator find(const FileIdentity& identity);
  void take_up(LogFile file, base::TimePoint now, const LogLineSink& sink);
  bool read(Followed& followed, base::TimePoint now, std::size_t& budget, const LogLineSink& sink);
  void leave_quiet(base::TimePoint now, const LogLineSink& sink);
  Files::iterator leave(Files::iterator at, const LogLineSink& sink);

  std::string path_;
  LogWatch watch_;
  Files files_;               // oldest first; the last one has the log's name, or had it last
  std::list<LogPlace> left_;  // of files that were left and might come back
  std::vector<char> buffer_;  // for reading
  bool started_ = false;
  FoundFile found_;  // what it leads to
  base::TimePoint absent_since_ = base::never;
};

}  // namespace poetry::session
