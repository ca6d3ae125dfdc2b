// The last records of a stream, numbered from 0 without gaps, for readers that each go at their own
// pace. Owned by a service and shared by its sessions. Bounded: a reader that is too slow learns
// how many records it missed. Any thread may call any function: a mutex guards the records, and
// what a reader took is its own.
#pragma once

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
  void add(std::string_view record);
  /// Nobody takes what is added from now on.
  void close();

  /// The number of the record after the newest one.
  [[nodiscard]] std::uint64_t end() const;
  /// The number of the record that has `count` after and with it, or of the oldest one.
  [[nodiscard]] std::uint64_t from_end(std::uint64_t count) const;
  /// Takes records from `from` on and before `until`: as many as make up a batch, or a large one.
  [[nodiscard]] TakenRecords take(std::uint64_t from, std::uint64_t until = no_end);
  /// Whether more than half of the bytes that it may hold wait for the fastest reader.
  [[nodiscard]] bool outruns_readers() const;

 private:
  void pass(std::uint64_t number);

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
