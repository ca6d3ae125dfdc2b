#include "session/line_splitter.hpp"

namespace poetry::session {

void LineSplitter::split(std::string_view bytes, const LogLineSink& sink) {
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

void LineSplitter::finish(const LogLineSink& sink) {
  if (held_.empty() && !in_pieces_) return;
  sink({held_, LogLine::Kind::rest});
  held_ = {};
  in_pieces_ = false;
}

void LineSplitter::hold(std::string_view bytes, const LogLineSink& sink) {
  held_ += bytes;
  while (held_.size() > largest_log_line) {
    sink({std::string_view(held_).substr(0, largest_log_line), LogLine::Kind::piece});
    held_.erase(0, largest_log_line);
    in_pieces_ = true;
  }
}

}  // namespace poetry::session
