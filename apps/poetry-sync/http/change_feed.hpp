// What pages are told of: the records as they are now, and each change of one as an event. Any
// thread may refresh it from the store, and read it. Owned by main.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.hpp"

namespace poetry::sync::http {

class ChangeFeed {
 public:
  using Text = std::shared_ptr<const std::string>;

  explicit ChangeFeed(store::Store& store);

  /// Looks what has changed, and makes events of it. Raises DatabaseError.
  void refresh();

  /// All records as a JSON array, as of the last refresh; all who ask meanwhile share it.
  [[nodiscard]] Text records() const;
  /// How many these are.
  [[nodiscard]] std::size_t size() const;

  /// Events as Server-Sent Events (HTML Standard, 9.2), whose ids are "EPOCH-NUMBER".
  struct News {
    std::vector<Text> events;
    std::uint64_t next = 0;  ///< to ask for the next time
    bool is_anew = false;    ///< they begin with all records
  };
  /// Where a stream begins that has seen the event of this id last: behind it, or, where that is
  /// too old or unknown, with an event of all records.
  [[nodiscard]] News begin(std::string_view last_event_id) const;
  /// Those from this number on. Who is too far behind begins anew.
  [[nodiscard]] News after(std::uint64_t number) const;

  /// Calls it, in the refreshing thread, after each refresh that made events; nothing calls none.
  /// It must not call the feed.
  void on_news(std::function<void()> told);

  /// Streams open now; counted by who has them.
  std::atomic<std::uint64_t>& streams() { return streams_; }

 private:
  struct List {
    Text text;
    std::uint64_t next = 0;  ///< the event behind it
  };
  /// All records, perhaps as they were so many events ago.
  [[nodiscard]] List list(std::uint64_t max_age) const;
  void put(std::string_view kind, const std::string& data);
  [[nodiscard]] std::uint64_t next() const { return first_ + events_.size(); }

  store::Store& store_;
  std::atomic<std::uint64_t> streams_ = 0;
  const std::string epoch_;  // differs from that of the process before
  std::mutex refreshing_;
  mutable std::mutex mutex_;
  std::optional<std::int64_t> horizon_;  // of the last look, with refreshing_
  std::map<store::Id, Text> known_;      // JSON of each record
  mutable List list_;
  const Text end_of_event_ = std::make_shared<const std::string>("\n\n");
  std::deque<Text> events_;  // the latest
  std::uint64_t first_ = 1;  // number of the first of them
  std::function<void()> told_;
};

}  // namespace poetry::sync::http
