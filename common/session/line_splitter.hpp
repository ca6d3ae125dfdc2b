// Lines from bytes that arrive piece by piece; the end of a line whose newline has not come is
// held. Owned by who reads a log.
#pragma once

#include <string>
#include <string_view>

#include "session/log_line.hpp"

namespace poetry::session {

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
