#include "ready_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/error.hpp"
#include "cli/replaced_file.hpp"

namespace poetry::server {

ReadyFile::ReadyFile(std::string path) : path_(std::move(path)) {
  struct stat found {};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && S_ISREG(found.st_mode))
    ::unlink(path_.c_str());
}

void ReadyFile::remove() {
  struct stat found {};
  if (inode_ != 0 && ::stat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
      found.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void ReadyFile::write(std::string_view text) {
  if (path_.empty()) return;
  base::with_remedy(base::path_remedy, [&] { cli::replace_file(path_, text); });
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  device_ = found.st_dev;
  inode_ = found.st_ino;
}

}  // namespace poetry::server
