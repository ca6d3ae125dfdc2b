#include "work/weblog_text.hpp"

#include <algorithm>

namespace poetry::sync::work {
namespace {

constexpr std::size_t longest_record = 64 << 10;  // a longer one is cut into several

}  // namespace

WeblogText::WeblogText(store::Part part, const PartText::Stored& stored, std::uint64_t max,
                       store::Changes& changes)
    : part_(std::move(part)), max_(max) {
  std::int64_t whole = 0;
  for (std::int64_t at = 0; at < part_.bytes;) {
    const auto bytes = stored(at);
    if (bytes.empty()) break;
    const auto newline = bytes.rfind('\n');
    if (newline != std::string::npos) whole = at + static_cast<std::int64_t>(newline) + 1;
    records_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    at += static_cast<std::int64_t>(bytes.size());
  }
  if (whole == part_.bytes) return;
  part_.bytes = whole;
  changes.put(part_);
  changes.pieces.push_back({part_.number, whole, {}});
}

void WeblogText::receive(std::string_view bytes, store::Changes& changes) {
  std::string lines;
  for (std::size_t end = 0; !bytes.empty() && !is_full(); bytes.remove_prefix(end)) {
    const auto newline = bytes.find('\n');
    end = newline == std::string_view::npos ? bytes.size() : newline + 1;
    unfinished_.append(bytes.substr(0, end));
    if (newline == std::string_view::npos && unfinished_.size() < longest_record) break;
    lines += unfinished_;
    auto line = std::exchange(unfinished_, {});
    if (newline == std::string_view::npos) continue;
    line.pop_back();
    changes.lines.push_back(part_.name + " " + std::to_string(++records_) + ": " + log_text(line));
  }
  if (lines.empty()) return;
  const auto start = part_.bytes;
  part_.bytes += static_cast<std::int64_t>(lines.size());
  changes.put(part_);
  changes.pieces.push_back({part_.number, start, std::move(lines)});
}

void WeblogText::complete(store::Changes& changes) {
  part_.complete = true;
  changes.put(part_);
}

}  // namespace poetry::sync::work
