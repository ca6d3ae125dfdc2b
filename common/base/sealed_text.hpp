// The bytes of a file, read once and held in a sealed memfd. Whatever happens to the file
// afterwards (rewritten, truncated, removed), these bytes neither change nor fault; all clients
// read the one copy. Owned by whoever serves it; shared by shared_ptr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace poetry::base {

class SealedText {
 public:
  /// Reads a regular file to its end, which never waits. Raises std::system_error naming `path`,
  /// also where it has, or grows to, more than `max` bytes; 0 is half of the memory that is
  /// available when this is called.
  static std::shared_ptr<const SealedText> read(const std::string& path, std::uint64_t max = 0);
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
