// What the tasks of one job have received and nobody has stored yet: filled by the thread that
// fetches, emptied by the one that writes. Bounded: who fetches waits for who writes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "fetch/record.hpp"
#include "fetch/strategy.hpp"

namespace poetry::sync::work {

/// What happened to a task, in the order in which it did.
struct FetchEvent {
  std::size_t task = 0;
  std::string bytes = {};                   ///< received; or
  std::optional<fetch::Record> ended = {};  ///< how it ended
};

class EventQueue final : public fetch::Observer {
 public:
  std::string received(std::size_t task, const fetch::Record& record,
                       std::string_view bytes) override;
  void retrying(std::size_t, const fetch::Record&, base::Duration) override {}  // jobs are, whole
  void ended(std::size_t task, fetch::Record& record) override;

  /// What has come, in order; waits for the first of it or the end, at most so long.
  std::vector<FetchEvent> take(base::Duration longest);
  /// No more will come.
  void finish();
  /// Whether finish() was called, and all that came before has been taken.
  bool is_finished();
  /// From now on every task is ended with what it receives next; nobody waits here any more.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<FetchEvent> events_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  bool finished_ = false;
};

}  // namespace poetry::sync::work
