// Where a stream is whole by what it says, though its sender keeps the connection open: behind a
// text, or a number of lines or bytes. Owned by who receives it, for one stream; knows no time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace poetry::base {

/// The stream is whole at the first of these that comes. None of them: at its end alone.
struct EndMarks {
  std::string text;         ///< empty is none
  std::uint64_t lines = 0;  ///< 0 is none
  std::uint64_t bytes = 0;  ///< likewise

  bool operator==(const EndMarks&) const = default;
};

class EndMark {
 public:
  /// Borrows the marks.
  explicit EndMark(const EndMarks& marks) : marks_(&marks) {}

  /// How many of these bytes, the next of the stream, belong to it, where it is whole among them.
  std::optional<std::size_t> find(std::string_view bytes);
  /// In what a stream that ends here, with this many lines, is not whole; empty where it is.
  [[nodiscard]] std::string missing(std::uint64_t lines) const;

 private:
  std::optional<std::size_t> find_text(std::string_view bytes);
  std::optional<std::size_t> find_line(std::string_view bytes);
  std::optional<std::size_t> find_byte(std::string_view bytes);

  const EndMarks* marks_;
  std::string tail_;         // the last bytes, in which the text may have begun
  std::uint64_t lines_ = 0;  // that have ended
  std::uint64_t bytes_ = 0;
};

}  // namespace poetry::base
