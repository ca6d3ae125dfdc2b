// A line of a log as it was found, handed from the log's tail to who takes it.
#pragma once

#include <functional>
#include <string_view>

namespace poetry::session {

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

}  // namespace poetry::session
