// Lines from bytes that arrive piece by piece; the end of a line whose newline has not come is
// held. Owned by who reads a log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace poetry::session {

/// A line as it was found, handed on to who takes it.
struct LogLine {
  enum class Kind {
    whole,  ///< it ended with a newline
    piece,  ///< of a line longer than largest_log_line, which goes on in the next LogLine
    rest,   ///< the last piece, or the end that a file had without a newline when it was left
  };
  std::string_view text;  ///< without the newline; valid during the call
  Kind kind = Kind::whole;
};

using LogLineSink = std::function<void(const LogLine&)>;

/// Longer lines are handed on in pieces, so that a log without newlines needs no more memory.
inline constexpr std::size_t largest_log_line = std::size_t{4} << 20;

class LineSplitter {
 public:
  /// Hands on the lines that are whole now.
  void split(std::string_view bytes, const LogLineSink& sink);
  /// Hands on what is held of a last line without a newline.
  void finish(const LogLineSink& sink);
  /// Begins in the midst of a line, of which nothing is handed on, or with its beginning held.
  void begin_in_line() { in_pieces_ = true; }
  void begin_with(std::string_view held) { held_ = held; }

 private:
  void hold(std::string_view bytes, const LogLineSink& sink);

  std::string held_;        // of a line whose newline has not come
  bool in_pieces_ = false;  // some of that line has been handed on
};

}  // namespace poetry::session
