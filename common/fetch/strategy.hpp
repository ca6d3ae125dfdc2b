// In what concurrency the tasks of a batch are fetched. A strategy owns the sockets and the
// waiting; what to do next it asks each task's Fetch, and what it receives it gives to the
// observer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "fetch/fetch.hpp"
#include "fetch/record.hpp"
#include "fetch/servers.hpp"
#include "net/address.hpp"
#include "net/signals.hpp"

namespace poetry::fetch {

/// Looks a name up, and may block. Called in several threads at once.
using Lookup = std::function<net::Resolved(const net::HostPort&, net::Family)>;

/// What to fetch: one task for each server, in this order.
struct Batch {
  Servers servers;
  FetchOptions fetch;
  net::Family family = net::Family::any;
  std::size_t parallel = 0;      ///< tasks in flight at most; 0 is all
  Lookup lookup = net::resolve;  ///< another one in tests
};

/// The fetch of a task of the batch, begun now. Borrows the batch.
Fetch begin_fetch(const Batch& batch, std::size_t task, base::TimePoint now);
/// Tells a fetch that is to resolve its addresses, where its host is one itself and no name.
bool resolve_numeric(Fetch& fetch, const Batch& batch);

/// Who is told what happens: by one thread at a time, but not always the one that runs the
/// strategy, and never of a task's next event before the last one's call has returned. Tasks count
/// from 0. What it raises ends the run, and it is not called again.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A task begins, perhaps anew where it has lacked what others had.
  virtual void began(std::size_t /*task*/, base::TimePoint /*now*/) {}
  /// Bytes of a task, never none. A message that is not empty ends the task as Outcome::output.
  virtual std::string received(std::size_t task, const Record& record, std::string_view bytes) = 0;
  /// The attempt broke, as `record` tells, and is made again after `delay`: its bytes are void.
  virtual void retrying(std::size_t task, const Record& record, base::Duration delay) = 0;
  /// The task is over. The observer may still turn an ok into Outcome::output.
  virtual void ended(std::size_t task, Record& record) = 0;
};

/// What a run leaves: a record for each task. Those that had not begun when a signal came have no
/// start.
struct Result {
  std::vector<Record> records;
  std::uint64_t wakeups = 0;  ///< returns of the calls that wait
  bool interrupted = false;   ///< a signal was taken, though perhaps no task was left to end
};

/// Fetches all. A signal that waits in `signals` ends what is unfinished as Outcome::interrupted.
/// Raises std::system_error where the waiting itself fails, and what the observer raises.
using Strategy =
    std::function<Result(const Batch& batch, Observer& observer, net::Signals& signals)>;

/// The names of those that were built in.
std::vector<std::string> strategy_names();
/// What "all" stands for, in its order: those of them that the kernel allows, but for `spin`.
std::vector<std::string> all_strategies();

/// Raises UsageError naming it and the valid ones where there is no such strategy, and
/// std::system_error, which says what helps, where the kernel does not allow it.
Strategy find_strategy(std::string_view name);

}  // namespace poetry::fetch
