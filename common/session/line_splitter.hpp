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
  void split(std::string_view bytes, const LogLineSink& sink) {
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      if (held_.empty() && !in_pieces_) {
        sink({bytes.substr(0, end), LogLine::Kind::whole});
      } else {
        hold(bytes.substr(0, end), sink);
        sink({held_, in_pieces_ ? LogLine::Kind::rest : LogLine::Kind::whole});
        held_ = {};
        in_pieces_ = false;
      }
      bytes.remove_prefix(end + 1);
    }
    hold(bytes, sink);
  }
  /// Hands on what is held of a last line without a newline.
  void finish(const LogLineSink& sink) {
    if (held_.empty() && !in_pieces_) return;
    sink({held_, LogLine::Kind::rest});
    held_ = {};
    in_pieces_ = false;
  }
  /// Begins in the midst of a line, of which nothing is handed on, or with its beginning held.
  void begin_in_line() { in_pieces_ = true; }
  void begin_with(std::string_view held) { held_ = held; }

 private:
  void hold(std::string_view bytes, const LogLineSink& sink) {
    held_ += bytes;
    while (held_.size() > largest_log_line) {
      sink({std::string_view(held_).substr(0, largest_log_line), LogLine::Kind::piece});
      held_.erase(0, largest_log_line);
      in_pieces_ = true;
    }
  }

  std::string held_;        // of a line whose newline has not come
  bool in_pieces_ = false;  // some of that line has been handed on
};

}  // namespace poetry::session
