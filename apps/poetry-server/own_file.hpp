// A file or socket that this process has made, and removes at its end, unless another's stands in
// its place by then. Owned by the server; a forked process removes nothing.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace poetry::server {

class OwnFile {
 public:
  explicit OwnFile(std::string path) : path_(std::move(path)) {}
  OwnFile(const OwnFile&) = delete;
  OwnFile& operator=(const OwnFile&) = delete;
  ~OwnFile() { remove(); }

  /// What stands there now is this process's, unless it is a pipe or a device.
  void claim() {
    if (!found() || !(S_ISREG(stat_.st_mode) || S_ISSOCK(stat_.st_mode))) return;
    process_ = ::getpid();
    device_ = stat_.st_dev;
    inode_ = stat_.st_ino;
  }
  void remove() {
    const bool is_own =
        process_ == ::getpid() && found() && stat_.st_dev == device_ && stat_.st_ino == inode_;
    if (is_own) ::unlink(path_.c_str());
  }

 private:
  bool found() { return ::stat(path_.c_str(), &stat_) == 0; }

  std::string path_;
  struct stat stat_ {};
  pid_t process_ = -1;  // that has claimed it
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace poetry::server
