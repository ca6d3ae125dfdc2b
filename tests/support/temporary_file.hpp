// A file for one test, gone with it.
#pragma once

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkstemp(3)
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>

namespace poetry::support {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes) {
    ::close(::mkstemp(path_.data()));
    write(bytes);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }

  /// Rewrites the file in place.
  void write(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/slow-poetry-test-XXXXXX";
};

}  // namespace poetry::support
