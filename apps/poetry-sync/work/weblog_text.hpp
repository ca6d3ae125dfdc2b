// The records of a weblog while it is followed: a stream without an end, and without a beginning.
// Says what to store of it, whole lines alone. Does no I/O of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/store.hpp"
#include "work/part_text.hpp"

namespace poetry::sync::work {

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
