#include "base/end_mark.hpp"

#include "base/json.hpp"
#include "base/quantity.hpp"

namespace poetry::base {

std::optional<std::size_t> EndMark::find(std::string_view bytes) {
  std::optional<std::size_t> first;
  for (const auto found : {find_text(bytes), find_line(bytes), find_byte(bytes)})
    if (found && (!first || *found < *first)) first = found;
  return first;
}

std::optional<std::size_t> EndMark::find_text(std::string_view bytes) {
  const std::string& text = marks_->text;
  if (text.empty()) return std::nullopt;
  const std::size_t before = tail_.size();
  // A text that began before is looked for in as little as it needs, the rest where it lies.
  tail_.append(bytes.substr(0, text.size() - 1));
  if (const auto at = tail_.find(text); at != std::string::npos) return at + text.size() - before;
  if (const auto at = bytes.find(text); at != std::string::npos) return at + text.size();
  if (bytes.size() >= text.size()) tail_ = bytes.substr(bytes.size() - (text.size() - 1));
  if (tail_.size() >= text.size()) tail_.erase(0, tail_.size() - (text.size() - 1));
  return std::nullopt;
}

std::optional<std::size_t> EndMark::find_line(std::string_view bytes) {
  if (marks_->lines == 0) return std::nullopt;
  for (std::size_t at = bytes.find('\n'); at != std::string::npos; at = bytes.find('\n', at + 1))
    if (++lines_ == marks_->lines) return at + 1;
  return std::nullopt;
}

std::optional<std::size_t> EndMark::find_byte(std::string_view bytes) {
  const auto left = marks_->bytes - bytes_;
  bytes_ += bytes.size();
  if (marks_->bytes == 0 || bytes.size() < left) return std::nullopt;
  return static_cast<std::size_t>(left);
}

std::string EndMark::missing(std::uint64_t lines) const {
  if (marks_->lines > 0 && lines >= marks_->lines) return {};
  if (!marks_->text.empty()) return "ended before " + json_string(marks_->text);
  if (marks_->lines == 0) return {};
  return "ended after " + std::to_string(lines) + " of " + counted(marks_->lines, "line");
}

}  // namespace poetry::base
