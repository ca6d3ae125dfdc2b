// The bytes of a file, read once and held in a sealed memfd. Whatever happens to the file
// afterwards (rewritten, truncated, removed), these bytes neither change nor fault; all clients
// read the one copy. Owned by whoever serves it; shared by shared_ptr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace poetry {

class SealedText {
 public:
  /// Reads a file or a pipe, but no device, to its end. Raises std::system_error naming `path`.
  static std::shared_ptr<const SealedText> read(const std::string& path);
  /// Holds a copy of `bytes`.
  static std::shared_ptr<const SealedText> copy(std::string_view bytes);

  SealedText(const SealedText&) = delete;
  SealedText& operator=(const SealedText&) = delete;
  ~SealedText();

  [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }
  /// The memfd, for sendfile(2); borrowed.
  [[nodiscard]] int file() const { return file_.get(); }
  /// Where a part of bytes() begins in it.
  [[nodiscard]] std::uint64_t offset_of(std::string_view part) const {
    return static_cast<std::uint64_t>(part.data() - data_);
  }

 private:
  SealedText() = default;
  void seal(Fd memory, std::string_view name);

  Fd file_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace poetry
