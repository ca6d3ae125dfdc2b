#include "session/record_history.hpp"

#include <algorithm>

namespace poetry::session {
namespace {

/// A reader's copy at a time: few writes for many records, and little memory for a reader that is
/// stuck. A larger record is not copied.
constexpr std::size_t batch_bytes = std::size_t{16} << 10;

}  // namespace

void RecordHistory::add(std::string_view record) {
  auto shared = std::make_shared<const std::string>(record);  // without spare capacity
  const std::lock_guard lock(mutex_);
  bytes_ += shared->size();
  untaken_bytes_ += shared->size();
  records_.push_back(std::move(shared));
  while (records_.size() > 1 && (bytes_ > limits_.bytes || records_.size() > limits_.records)) {
    if (taken_ == first_) pass(first_ + 1);
    bytes_ -= records_.front()->size();
    records_.pop_front();
    ++first_;
  }
}

void RecordHistory::close() {
  const std::lock_guard lock(mutex_);
  closed_at_ = std::min(closed_at_, first_ + records_.size());
}

std::uint64_t RecordHistory::end() const {
  const std::lock_guard lock(mutex_);
  return first_ + records_.size();
}

std::uint64_t RecordHistory::from_end(std::uint64_t count) const {
  const std::lock_guard lock(mutex_);
  return first_ + records_.size() - std::min<std::uint64_t>(count, records_.size());
}

TakenRecords RecordHistory::take(std::uint64_t from, std::uint64_t until) {
  const std::lock_guard lock(mutex_);
  const auto limit = std::min(until, closed_at_);
  const auto end = std::min(limit, first_ + records_.size());
  TakenRecords taken;
  taken.next = std::max(from, std::min(first_, end));
  taken.missed = taken.next - from;
  while (taken.next < end && !taken.large) {
    const auto& record = records_[taken.next - first_];
    if (taken.copies.empty() && record->size() > batch_bytes) {
      taken.large = record;
    } else if (taken.copies.size() + record->size() <= batch_bytes) {
      taken.copies += *record;
    } else {
      break;
    }
    ++taken.next;
  }
  taken.last = taken.next >= limit;
  pass(taken.next);
  return taken;
}

bool RecordHistory::outruns_readers() const {
  const std::lock_guard lock(mutex_);
  return untaken_bytes_ > limits_.bytes / 2;
}

/// Somebody has taken, or can no longer take, what comes before this record.
void RecordHistory::pass(std::uint64_t number) {
  for (; taken_ < number; ++taken_) untaken_bytes_ -= records_[taken_ - first_]->size();
}

}  // namespace poetry::session
