// One open file of a log, read from where the last read ended. Owned by a LogTail, from when the
// log's name first led to the file until nobody writes to it any more. It reads by pread(2) with an
// offset of its own and knows nothing of names.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "session/line_splitter.hpp"

namespace poetry::session {

/// Which file it is: unique among files that exist or are held open, whatever their names.
using FileIdentity = std::pair<dev_t, ino_t>;

inline FileIdentity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

/// O_NONBLOCK: whatever the name leads to by now, opening it does not wait.
inline base::Fd open_log_file(const std::string& path) {
  return base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

/// Raises std::system_error naming `path` where it exists but is no regular file, or one that
/// cannot be opened.
inline void require_log_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) {
    if (errno == ENOENT) return;
    base::throw_errno("open", path);
  }
  if (!S_ISREG(status.st_mode)) {
    throw std::system_error(S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP, std::generic_category(),
                            "follow " + path + ", no regular file");
  }
  if (!open_log_file(path)) base::throw_errno("open", path);
}

/// How far a file was read. What stands before the offset tells whether it is still what was read,
/// which may be remembered beyond the closing of the file.
struct LogPlace {
  FileIdentity identity;
  std::uint64_t offset = 0;
  std::string before_offset;  ///< up to LogFile::overlap bytes; none at offset 0 or behind a hole
};

/// What `path` leads to: a regular file, something else or something out of reach, or nothing.
struct FoundFile {
  enum class State { file, refused, absent };
  State state = State::absent;
  FileIdentity identity;
  int error = 0;  ///< of what is out of reach, as errno
};
inline FoundFile find_log_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    return {absent ? FoundFile::State::absent : FoundFile::State::refused, {}, errno};
  }
  if (!S_ISREG(status.st_mode)) return {FoundFile::State::refused, {}};
  if (::access(path.c_str(), R_OK) < 0) return {FoundFile::State::refused, {}, errno};
  return {FoundFile::State::file, identity_of(status)};
}

class LogFile {
 public:
  /// Bytes before the offset that each read compares with what it read before, so that it notices
  /// a file that was truncated and has grown beyond the offset since: longer than a time stamp and
  /// the line that it is in.
  static constexpr std::size_t overlap = 256;

  /// Opens a regular file, to be read from its beginning; empty where that cannot be done.
  static std::optional<LogFile> open(const std::string& path) {
    auto fd = open_log_file(path);
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode)) return {};
    return LogFile(std::move(fd), identity_of(status));
  }

  /// Goes to the end of the file, before the first read. Returns up to `lines` of the last whole
  /// lines there; a last line without a newline is held, and handed on once it is whole.
  std::vector<std::string> skip_to_end(std::size_t lines) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) < 0) return {};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const auto bytes = read_backwards(fd_.get(), size, lines);
    if (bytes.empty()) return {};
    remember(size, bytes);
    std::deque<std::string> found;
    std::size_t at = 0;
    if (bytes.size() < size) {  // it begins in the middle of a line
      at = bytes.find('\n') + 1;
      if (at == 0) splitter_.begin_in_line();
    }
    for (auto end = bytes.find('\n', at); end != std::string::npos; end = bytes.find('\n', at)) {
      found.push_back(bytes.substr(at, end - at));
      if (found.size() > lines) found.pop_front();
      at = end + 1;
    }
    splitter_.begin_with(std::string_view(bytes).substr(at));
    return {found.begin(), found.end()};
  }
  /// Goes on where an earlier LogFile with this identity was. Where it was another file, or has
  /// been truncated since, read() will notice.
  void resume(LogPlace place) { place_ = std::move(place); }

  /// Hands on lines from what was appended, as far as `buffer` holds it, which also needs room for
  /// the overlap. Returns the number of new bytes; 0 where the end is reached, or the file cannot
  /// be read now. A file that was truncated is read from its beginning.
  std::size_t read(std::span<char> buffer, const LogLineSink& sink) {
    for (;;) {
      const auto known = place_.before_offset.size();
      const auto size = read_at(fd_.get(), buffer, place_.offset - known);
      if (!size) return 0;
      const std::string_view bytes(buffer.data(), *size);
      if (!bytes.starts_with(place_.before_offset)) {
        finish(sink);
        place_ = {place_.identity, 0, {}};
        hole_end_ = 0;
        continue;
      }
      const auto appended = bytes.substr(known);
      if (!appended.empty()) {
        const auto text = behind_hole(appended);
        remember(place_.offset + appended.size(), bytes);
        splitter_.split(text, sink);
        if (text.empty()) skip_hole();
      }
      return appended.size();
    }
  }
  /// Hands on what is held of a last line without a newline.
  void finish(const LogLineSink& sink) { splitter_.finish(sink); }
  /// How many NULs at the beginning were left out.
  [[nodiscard]] std::uint64_t hole() const { return hole_end_; }

  [[nodiscard]] const FileIdentity& identity() const { return place_.identity; }
  [[nodiscard]] const LogPlace& place() const { return place_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool unlinked() const {
    struct stat status {};
    return ::fstat(fd_.get(), &status) == 0 && status.st_nlink == 0;
  }

 private:
  /// Bounds what is read before the end of a log, whatever its lines are like.
  static constexpr std::size_t max_backward = largest_log_line;
  static constexpr std::uint64_t backward_block = std::uint64_t{64} << 10;

  LogFile(base::Fd fd, const FileIdentity& identity)
      : fd_(std::move(fd)), place_{identity, 0, {}} {}

  /// pread(2) until `buffer` is full or the file ends. Returns the bytes read; empty after an
  /// error.
  static std::optional<std::size_t> read_at(int fd, std::span<char> buffer, std::uint64_t offset) {
    std::size_t size = 0;
    while (size < buffer.size()) {
      const auto count = ::pread(fd, buffer.data() + size, buffer.size() - size,
                                 static_cast<off_t>(offset + size));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return {};
      if (count == 0) break;
      size += static_cast<std::size_t>(count);
    }
    return size;
  }

  /// The end of the file's first `size` bytes, with `lines` whole lines and what follows them, as
  /// far as there are so many and they may be read. Empty where the file cannot be read or was
  /// truncated.
  static std::string read_backwards(int fd, std::uint64_t size, std::size_t lines) {
    std::string bytes;
    std::size_t newlines = 0;
    while (bytes.size() < size && newlines <= lines && bytes.size() < max_backward) {
      const auto rest = size - bytes.size();
      std::string block(static_cast<std::size_t>(std::min(rest, backward_block)), '\0');
      if (read_at(fd, block, rest - block.size()) != block.size()) return {};
      newlines += static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
      bytes.insert(0, block);
    }
    return bytes;
  }

  void remember(std::uint64_t offset, std::string_view before) {
    place_.offset = offset;
    place_.before_offset = before.substr(before.size() - std::min(before.size(), overlap));
  }

  /// A writer that does not append leaves a hole of NULs where its log was truncated, from the
  /// beginning on to where it had been.
  [[nodiscard]] std::string_view behind_hole(std::string_view bytes) {
    if (place_.offset != hole_end_) return bytes;
    const auto size = std::min(bytes.find_first_not_of('\0'), bytes.size());
    hole_end_ += size;
    return bytes.substr(size);
  }

  /// It may be of any size, and has mostly no blocks.
  void skip_hole() {
    const auto data = ::lseek(fd_.get(), static_cast<off_t>(place_.offset), SEEK_DATA);
    if (data <= static_cast<off_t>(place_.offset)) return;
    hole_end_ = static_cast<std::uint64_t>(data);
    remember(hole_end_, {});
  }

  base::Fd fd_;
  LogPlace place_;
  LineSplitter splitter_;
  std::uint64_t hole_end_ = 0;  // what is before it has been NULs alone
};

}  // namespace poetry::session
