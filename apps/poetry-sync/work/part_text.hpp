// Texts while they are fetched: what to store of them, and what to log. They do no I/O of their
// own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "store/store.hpp"

namespace poetry::sync::work {

/// The beginning of a line from outside, as a log may show it: UTF-8 without control characters.
std::string log_text(std::string_view line);

/// One that is fetched anew over what is stored of it: compares what came with what is there, and
/// says what to store and which lines are new.
class PartText {
 public:
  /// Stored bytes from an offset on, as many as come in one piece; never none before the end.
  using Stored = std::function<std::string(std::int64_t start)>;

  PartText(store::Part part, Stored stored) : part_(std::move(part)), stored_(std::move(stored)) {}

  /// What came next. Adds to the batch what is not stored yet, and logs its lines.
  void receive(std::string_view bytes, store::Changes& changes);
  /// The stream has ended as it should: what is stored beyond it goes, and a last line without a
  /// newline is logged.
  void complete(const std::string& sha256, store::Changes& changes);

  [[nodiscard]] const store::Part& part() const { return part_; }

 private:
  std::size_t same(std::string_view bytes);
  void log_lines(std::string_view bytes, std::int64_t already, store::Changes& changes);
  void log_line(std::string_view text, store::Changes& changes) const;

  store::Part part_;
  Stored stored_;
  std::int64_t at_ = 0;     // in this stream
  std::int64_t lines_ = 0;  // in this stream
  std::string unfinished_;  // line, shortened
  std::string lent_;        // stored bytes, from lent_at_ on
  std::int64_t lent_at_ = 0;
};

/// The records of a weblog while it is followed: a stream without an end, and without a beginning.
/// Says what to store of it, whole lines alone.
class WeblogText {
 public:
  /// Goes on behind the last whole line of what is stored, and takes `max` records in all. What
  /// stands behind that line goes.
  WeblogText(store::Part part, const PartText::Stored& stored, std::uint64_t max,
             store::Changes& changes);

  /// What came next. Adds to the batch the whole lines in it, as long as there is room, and logs
  /// them.
  void receive(std::string_view bytes, store::Changes& changes);
  /// It is followed no longer.
  void complete(store::Changes& changes);

  [[nodiscard]] bool is_full() const { return records_ >= max_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] const store::Part& part() const { return part_; }

 private:
  store::Part part_;
  const std::uint64_t max_;
  std::uint64_t records_ = 0;
  std::string unfinished_;  // line
};

}  // namespace poetry::sync::work
