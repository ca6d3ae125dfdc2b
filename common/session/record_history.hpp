// The last records of a stream, numbered from 0 without gaps, for readers that each go at their own
// pace. Owned by a service and shared by its sessions. Bounded: a reader that is too slow learns
// how many records it missed. Any thread may call any function: a mutex guards the records, and
// what a reader took is its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace poetry::session {

/// How far behind a reader may be before it misses records.
struct HistoryLimits {
  /// A quarter of a minute of a very busy log, so that a client may stumble.
  std::size_t bytes = std::size_t{16} << 20;
  /// Bounds what records cost beside their text; at 256 bytes each they reach the other limit.
  std::size_t records = std::size_t{1} << 16;
};

/// What a reader took, valid for as long as it is kept.
struct TakenRecords {
  std::uint64_t missed = 0;  ///< records that were gone, before those taken
  std::uint64_t next = 0;    ///< where to take on
  bool last = false;         ///< no more can follow
  std::string copies;        ///< of small records; empty beside a large one
  std::shared_ptr<const std::string> large;

  /// The records, one after another; empty where there are none.
  [[nodiscard]] std::string_view text() const { return large ? *large : copies; }
};

class RecordHistory {
 public:
  static constexpr auto no_end = std::numeric_limits<std::uint64_t>::max();

  explicit RecordHistory(const HistoryLimits& limits) : limits_(limits) {}

  /// Appends a record, which is not empty. The oldest leave when there are too many; the newest
  /// one always stays.
  void add(std::string_view record) {
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
  /// Nobody takes what is added from now on.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_at_ = std::min(closed_at_, first_ + records_.size());
  }

  /// The number of the record after the newest one.
  [[nodiscard]] std::uint64_t end() const { return from_end(0); }
  /// The number of the record that has `count` after and with it, or of the oldest one.
  [[nodiscard]] std::uint64_t from_end(std::uint64_t count) const {
    const std::lock_guard lock(mutex_);
    return first_ + records_.size() - std::min<std::uint64_t>(count, records_.size());
  }
  /// Takes records from `from` on and before `until`: as many as make up a batch, or a large one.
  [[nodiscard]] TakenRecords take(std::uint64_t from, std::uint64_t until = no_end) {
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
  /// Whether more than half of the bytes that it may hold wait for the fastest reader.
  [[nodiscard]] bool outruns_readers() const {
    const std::lock_guard lock(mutex_);
    return untaken_bytes_ > limits_.bytes / 2;
  }

 private:
  /// A reader's copy at a time: few writes for many records, and little memory for a reader that is
  /// stuck. A larger record is not copied.
  static constexpr std::size_t batch_bytes = std::size_t{16} << 10;

  /// Somebody has taken, or can no longer take, what comes before this record.
  void pass(std::uint64_t number) {
    for (; taken_ < number; ++taken_) untaken_bytes_ -= records_[taken_ - first_]->size();
  }

  HistoryLimits limits_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> records_;
  std::uint64_t first_ = 0;  // number of records_.front()
  std::uint64_t taken_ = 0;  // the record after the newest one that anybody took
  std::size_t bytes_ = 0;    // of all records' text
  std::size_t untaken_bytes_ = 0;
  std::uint64_t closed_at_ = no_end;
};

}  // namespace poetry::session
