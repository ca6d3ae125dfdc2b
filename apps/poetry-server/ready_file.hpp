// The file of --ready-file: it is there as long as everything is bound. Owned by the server.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "cli/replaced_file.hpp"

namespace poetry::server {

class ReadyFile {
 public:
  /// Removes an earlier server's, so that nobody takes it for this one's. An empty path is none.
  explicit ReadyFile(std::string path) : path_(std::move(path)) {
    struct stat found {};
    if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && S_ISREG(found.st_mode))
      ::unlink(path_.c_str());
  }
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;
  ~ReadyFile() { remove(); }

  /// Raises base::Failure.
  void write(std::string_view text) {
    if (path_.empty()) return;
    base::with_remedy(base::path_remedy, [&] { cli::replace_file(path_, text); });
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
    device_ = found.st_dev;
    inode_ = found.st_ino;
  }

  /// Removes the file, unless it is another's by now or no regular one.
  void remove() {
    struct stat found {};
    if (inode_ != 0 && ::stat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
        found.st_ino == inode_) {
      ::unlink(path_.c_str());
    }
  }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: not written, or no regular file
};

}  // namespace poetry::server
