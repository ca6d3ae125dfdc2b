// One open file of a log, read from where the last read ended. Owned by a LogTail, from when the
// log's name first led to the file until nobody writes to it any more. It reads by pread(2) with an
// offset of its own and knows nothing of names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "session/line_splitter.hpp"

namespace poetry::session {

/// Which file it is: unique among files that exist or are held open, whatever their names.
using FileIdentity = std::pair<dev_t, ino_t>;

/// How far a file was read. What stands before the offset tells whether it is still what was read,
/// which may be remembered beyond the closing of the file.
struct LogPlace {
  FileIdentity identity;
  std::uint64_t offset = 0;
  std::string before_offset;  ///< up to LogFile::overlap bytes; none at offset 0 or behind a hole
};

/// Raises std::system_error naming `path` where it exists but is no regular file, or one that
/// cannot be opened.
void require_log_file(const std::string& path);

/// What `path` leads to: a regular file, something else or something out of reach, or nothing.
struct FoundFile {
  enum class State { file, refused, absent };
  State state = State::absent;
  FileIdentity identity;
  int error = 0;  ///< of what is out of reach, as errno
};
FoundFile find_log_file(const std::string& path);

class LogFile {
 public:
  /// Bytes before the offset that each read compares with what it read before, so that it notices
  /// a file that was truncated and has grown beyond the offset since: longer than a time stamp and
  /// the line that it is in.
  static constexpr std::size_t overlap = 256;

  /// Opens a regular file, to be read from its beginning; empty where that cannot be done.
  static std::optional<LogFile> open(const std::string& path);

  /// Goes to the end of the file, before the first read. Returns up to `lines` of the last whole
  /// lines there; a last line without a newline is held, and handed on once it is whole.
  std::vector<std::string> skip_to_end(std::size_t lines);
  /// Goes on where an earlier LogFile with this identity was. Where it was another file, or has
  /// been truncated since, read() will notice.
  void resume(LogPlace place) { place_ = std::move(place); }

  /// Hands on lines from what was appended, as far as `buffer` holds it, which also needs room for
  /// the overlap. Returns the number of new bytes; 0 where the end is reached, or the file cannot
  /// be read now. A file that was truncated is read from its beginning.
  std::size_t read(std::span<char> buffer, const LogLineSink& sink);
  /// Hands on what is held of a last line without a newline.
  void finish(const LogLineSink& sink) { splitter_.finish(sink); }
  /// How many NULs at the beginning were left out.
  [[nodiscard]] std::uint64_t hole() const { return hole_end_; }

  [[nodiscard]] const FileIdentity& identity() const { return place_.identity; }
  [[nodiscard]] const LogPlace& place() const { return place_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool unlinked() const;

 private:
  LogFile(base::Fd fd, const FileIdentity& identity)
      : fd_(std::move(fd)), place_{identity, 0, {}} {}
  void remember(std::uint64_t offset, std::string_view before);
  [[nodiscard]] std::string_view behind_hole(std::string_view bytes);
  void skip_hole();

  base::Fd fd_;
  LogPlace place_;
  LineSplitter splitter_;
  std::uint64_t hole_end_ = 0;  // what is before it has been NULs alone
};

}  // namespace poetry::session
