// Follows a log by its name and hands on every line appended to it, each once, whatever becomes of
// the file: renamed and created anew, copied and truncated, deleted, a symbolic link that is
// switched, or not there yet. It parses nothing and reads no clock. Owned by a service and used by
// one thread at a time; opens nothing before start(), so that it may be made before a fork.
//
// What nobody can follow: lines that were truncated away before a look; a file that was truncated
// and has, where it was read last, the same bytes again; and, where inotify cannot be had, a file
// that had the log's name between two looks only.
#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <list>
#include <string>
#include <system_error>
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

  explicit LogTail(std::string path, Notice notice = Notice::inotify)
      : path_(std::move(path)), watch_(path_, notice) {}

  /// Begins at the end of the file, or before what appears where there is none, and returns up to
  /// `lines` of the last whole lines there. A file that cannot be opened for the moment leaves the
  /// tail not started(), and start() is to be called again.
  std::vector<std::string> start(base::TimePoint now, std::size_t lines) {
    const auto found = find_log_file(path_);
    if (!started_) found_ = found;
    if (started_ || found.state == FoundFile::State::refused) return {};
    if (found.state == FoundFile::State::absent) absent_since_ = now - linger;
    buffer_.resize(piece_bytes);
    watch_.renew();
    std::vector<std::string> last;
    if (found.state == FoundFile::State::file) {
      auto file = LogFile::open(path_);
      if (!file) return {};
      last = file->skip_to_end(lines);
      take_up(std::move(*file), now, {});
    }
    started_ = true;
    return last;
  }
  [[nodiscard]] bool started() const { return started_; }
  /// Why nothing may come, as of the last start() or look(): the name leads nowhere, and has for
  /// longer than a rotation takes, or to what cannot be read. Empty where all is well.
  [[nodiscard]] std::string trouble(base::TimePoint now) const {
    if (found_.state == FoundFile::State::refused) {
      const auto why = found_.error == 0 ? "it is no regular file"
                                         : std::generic_category().message(found_.error);
      return "cannot follow " + path_ + ": " + why;
    }
    if (is_there() || now - absent_since_ < linger) return {};
    const auto folder = std::filesystem::path(path_).parent_path();
    const bool without_folder = !folder.empty() && !std::filesystem::exists(folder);
    return "waiting for " + path_ + ": " + (without_folder ? "its folder" : "it") +
           " does not exist";
  }
  /// NULs that were left out at the beginning of the file that has the name.
  [[nodiscard]] std::uint64_t hole() const {
    return files_.empty() ? 0 : files_.back().file.hole();
  }

  /// Hands on lines appended since the last look, of older files first, until it has read `budget`
  /// bytes or a buffer more. Says whether some may be left to read. Needs to be started().
  bool look(base::TimePoint now, std::size_t budget, const LogLineSink& sink) {
    find_files(now, sink);
    for (auto& followed : files_)
      if (read(followed, now, budget, sink)) return true;
    leave_quiet(now, sink);
    return false;
  }

  /// Readable when there is something to look at; -1 where time alone must tell.
  [[nodiscard]] int readable() const { return watch_.readable(); }

 private:
  struct Followed {
    LogFile file;
    int watch;              ///< of watch_
    base::TimePoint alive;  ///< when it was last seen to grow, or lost the log's name
  };
  using Files = std::list<Followed>;

  static constexpr std::size_t piece_bytes = std::size_t{16} << 10;
  static_assert(piece_bytes >= 2 * LogFile::overlap);
  /// Files that were left and whose place is remembered: more than the old versions that anybody
  /// renames back, beside all that may be found and left in one look, among which one that was read
  /// before can come last.
  static constexpr std::size_t max_left = LogWatch::max_renamed + 64;

  [[nodiscard]] bool is_there() const { return found_.state == FoundFile::State::file; }

  /// Opens what is new, and puts last what has the log's name.
  void find_files(base::TimePoint now, const LogLineSink& sink) {
    watch_.renew();
    watch_.take_events();
    for (auto& followed : files_)
      if (followed.watch < 0) followed.watch = watch_.watch(followed.file.fd());
    for (const auto& path : watch_.take_renamed()) open_new(path, now, sink);
    const bool was_there = is_there();
    found_ = find_log_file(path_);
    if (found_.state != FoundFile::State::absent) absent_since_ = base::never;
    if (found_.state == FoundFile::State::absent) absent_since_ = std::min(absent_since_, now);
    if (!is_there() && was_there && !files_.empty()) files_.back().alive = now;
    if (!is_there()) return;
    if (const auto known = find(found_.identity); known != files_.end()) {
      if (&*known == &files_.back()) return;
      files_.back().alive = now;
      files_.splice(files_.end(), files_, known);
    } else {
      open_new(path_, now, sink);
    }
  }

  /// Takes up the file of this name unless it is known.
  void open_new(const std::string& path, base::TimePoint now, const LogLineSink& sink) {
    auto file = LogFile::open(path);
    if (file && find(file->identity()) == files_.end()) take_up(std::move(*file), now, sink);
  }

  [[nodiscard]] Files::iterator find(const FileIdentity& identity) {
    return std::find_if(files_.begin(), files_.end(), [&identity](const Followed& followed) {
      return followed.file.identity() == identity;
    });
  }

  /// Makes it the last one.
  void take_up(LogFile file, base::TimePoint now, const LogLineSink& sink) {
    if (const auto at = std::ranges::find(left_, file.identity(), &LogPlace::identity);
        at != left_.end()) {
      file.resume(std::move(*at));
      left_.erase(at);
    }
    if (!files_.empty()) files_.back().alive = now;
    const int watch = watch_.watch(file.fd());
    files_.push_back({std::move(file), watch, now});
    if (files_.size() > max_replaced + 1) leave(files_.begin(), sink);
  }

  bool read(Followed& followed, base::TimePoint now, std::size_t& budget, const LogLineSink& sink) {
    while (budget > 0) {
      const auto size = followed.file.read(buffer_, sink);
      if (size > 0) followed.alive = now;
      if (size < buffer_.size() - LogFile::overlap) return false;
      budget -= std::min(budget, size);
    }
    return true;
  }

  void leave_quiet(base::TimePoint now, const LogLineSink& sink) {
    for (auto at = files_.begin(); at != files_.end();) {
      const bool last = &*at == &files_.back();
      const bool useless = !last || (!is_there() && at->file.unlinked());
      at = useless && base::later(at->alive, linger) <= now ? leave(at, sink) : std::next(at);
    }
  }

  Files::iterator leave(Files::iterator at, const LogLineSink& sink) {
    auto everything = std::numeric_limits<std::size_t>::max();
    read(*at, {}, everything, sink);
    at->file.finish(sink);
    watch_.unwatch(at->watch);
    if (!at->file.unlinked()) left_.push_back(at->file.place());
    if (left_.size() > max_left) left_.pop_front();
    return files_.erase(at);
  }

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
