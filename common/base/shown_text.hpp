// Text from outside, such as a host's name, as a picture or a terminal may show it: no control
// characters, no more columns than there is room for. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace poetry::base {

/// The characters of UTF-8 text. What is no UTF-8, a control character, or not to be had in XML 1.0
/// becomes U+FFFD, an ill-formed sequence one for each of its maximal subparts.
std::u32string shown_text(std::string_view bytes);
/// The same as UTF-8.
std::string shown_utf8(std::string_view bytes);

/// Passes a stream on to a terminal: its lines and tabs, and of the rest what shown_text() shows.
class HarmlessText {
 public:
  /// The next bytes as they may be shown. What may be the beginning of a character or of a CR LF
  /// waits for what follows. Valid until the next call.
  std::string_view pass(std::string_view bytes);

 private:
  std::string waiting_;
  std::string shown_;
};

/// The same with '?' for everything that is not ASCII.
std::u32string in_ascii(std::u32string text);

/// Columns of a terminal that a text takes: 2 for a wide East Asian character or a pictograph, 0
/// for a mark that combines with the character before, 1 for all others.
std::size_t columns_of(std::u32string_view text);

/// The text, or its beginning and end with `mark` (one column) in its middle, so that it takes
/// `columns` at most; these are 3 at least. The end is the longer part by a half.
std::u32string shortened(std::u32string text, std::size_t columns, char32_t mark);

/// A line a row, of cells as they may be shown, in columns as wide as their widest cell: the first
/// `left` of them to the left, the others to the right.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t left);

}  // namespace poetry::base
