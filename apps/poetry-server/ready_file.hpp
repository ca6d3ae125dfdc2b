// The file of --ready-file: it is there as long as everything is bound. Owned by the server.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace poetry::server {

class ReadyFile {
 public:
  /// Removes an earlier server's, so that nobody takes it for this one's. An empty path is none.
  explicit ReadyFile(std::string path);
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;
  ~ReadyFile() { remove(); }

  /// Raises base::Failure.
  void write(std::string_view text);
  /// Removes the file, unless it is another's by now or no regular one.
  void remove();

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: not written, or no regular file
};

}  // namespace poetry::server
