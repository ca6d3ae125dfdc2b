// The bytes of a file, read once and held in a sealed memfd. Whatever happens to the file
// afterwards (rewritten, truncated, removed), these bytes neither change nor fault; all clients
// read the one copy. Owned by whoever serves it; shared by shared_ptr.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace poetry::base {

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

 private:
  SealedText(int memory, std::string_view name);

  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace poetry::base
