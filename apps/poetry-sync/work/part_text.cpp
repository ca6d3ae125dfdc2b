#include "work/part_text.hpp"

#include <algorithm>

#include "base/shown_text.hpp"

namespace poetry::sync::work {
namespace {

constexpr std::size_t max_logged_bytes = 300;     // of a line of a text
constexpr std::size_t longest_record = 64 << 10;  // a longer one is cut into several

}  // namespace

std::string log_text(std::string_view line) {
  return base::shown_utf8(line.substr(0, max_logged_bytes));
}

void PartText::receive(std::string_view bytes, store::Changes& changes) {
  const auto before = part_.bytes;
  const auto known = same(bytes);
  const auto fresh = bytes.substr(known);
  const auto start = at_ + static_cast<std::int64_t>(known);
  if (!fresh.empty()) {
    if (start < part_.bytes) {
      changes.lines.push_back(part_.name + ": differs from byte " + std::to_string(start) +
                              " on, and is replaced from there");
    }
    auto& pieces = changes.pieces;
    if (pieces.empty() || pieces.back().part != part_.number ||
        pieces.back().start + std::ssize(pieces.back().bytes) != start) {
      pieces.push_back({part_.number, start, {}});
    }
    pieces.back().bytes += fresh;
    part_.bytes = start + static_cast<std::int64_t>(fresh.size());
    changes.put(part_);
  }
  log_lines(bytes, std::min(before, start), changes);
  at_ += static_cast<std::int64_t>(bytes.size());
}

/// How many of the bytes are those that are stored.
std::size_t PartText::same(std::string_view bytes) {
  std::size_t count = 0;
  while (count < bytes.size()) {
    const auto at = at_ + static_cast<std::int64_t>(count);
    if (at >= part_.bytes) break;
    if (at < lent_at_ || at >= lent_at_ + static_cast<std::int64_t>(lent_.size())) {
      lent_ = stored_(at);
      lent_at_ = at;
      if (lent_.empty()) break;
    }
    const auto lent = std::string_view(lent_).substr(static_cast<std::size_t>(at - lent_at_));
    const auto rest = bytes.substr(count, lent.size());
    const auto differ = std::mismatch(rest.begin(), rest.end(), lent.begin()).first;
    count += static_cast<std::size_t>(differ - rest.begin());
    if (differ != rest.end()) break;
  }
  return count;
}

/// Those that end behind the first `already` bytes of the text.
void PartText::log_lines(std::string_view bytes, std::int64_t already, store::Changes& changes) {
  auto at = at_;
  for (std::size_t end = 0; !bytes.empty(); bytes.remove_prefix(end)) {
    const auto newline = bytes.find('\n');
    end = newline == std::string_view::npos ? bytes.size() : newline + 1;
    const auto room = max_logged_bytes - std::min(max_logged_bytes, unfinished_.size());
    unfinished_.append(bytes.substr(0, std::min(room, end - (newline == end - 1 ? 1 : 0))));
    at += static_cast<std::int64_t>(end);
    if (newline == std::string_view::npos) return;
    const auto text = std::exchange(unfinished_, {});
    ++lines_;
    if (at > already) log_line(text, changes);
  }
}

void PartText::log_line(std::string_view text, store::Changes& changes) const {
  changes.lines.push_back(part_.name + " " + std::to_string(lines_) + ": " + log_text(text));
}

void PartText::complete(const std::string& sha256, store::Changes& changes) {
  if (at_ < part_.bytes) {
    changes.lines.push_back(part_.name + ": ends at byte " + std::to_string(at_) +
                            ", and what was stored beyond is gone");
    changes.pieces.push_back({part_.number, at_, {}});
  }
  if (!unfinished_.empty()) {
    ++lines_;
    log_line(unfinished_, changes);
  }
  part_.bytes = at_;
  part_.sha256 = sha256;
  part_.complete = true;
  changes.put(part_);
}

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
