// What one attempt at a job writes, batch by batch, as long as its claim holds: log lines,
// progress, pieces of texts. Owned by the attempt; lives in its thread, and renews the lease in
// another.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace poetry::sync::work {

/// The claim was lost or given back: the attempt ends without a word.
struct Abandoned {};

class JobWriter {
 public:
  /// Borrows the store and `stopping`, which tells that the worker has to end. The log has room for
  /// so many lines.
  JobWriter(store::Store& store, const store::Store::Taken& taken, base::Duration lease,
            const std::atomic<bool>& stopping, std::int64_t max_lines = 1'000'000);

  /// Renews the lease by a clockwork of its own from now on, whatever the attempt waits for. Raises
  /// std::system_error.
  void keep_lease();

  /// What is written next.
  store::Changes& changes() { return changes_; }
  /// Adds a line to that. What servers say is in it, too.
  void log(const std::string& line);
  /// Leaves what may be half of something, or was written unheard: the log goes on behind it.
  void discard() { changes_ = {}; }

  /// Writes it. False where the attempt should end: it was cancelled. Raises Abandoned, and as
  /// patiently() does.
  bool write();
  /// Writes it with the end of the attempt, and how many lines were left out of the log.
  void end(const store::Ending& ending);
  [[nodiscard]] bool is_cancelled() const { return cancelled_; }

  /// What `work` does with the database, which is waited for as long as nobody else may take the
  /// job over: a server that is restarted costs nothing of what was fetched. Raises DatabaseError.
  template <std::invocable Work>
  std::invoke_result_t<const Work&> patiently(const Work& work) {
    for (const auto until = base::later(base::Clock::now(), lease_);; wait_for_database()) {
      try {
        return work();
      } catch (const store::DatabaseError& error) {
        if (!may_pass(error) || base::Clock::now() >= until) throw;
      }
    }
  }

 private:
  void renew_until(const std::stop_token& stopping);
  bool may_pass(const store::DatabaseError& error);
  static void wait_for_database();
  void bound_lines();

  store::Store& store_;
  const store::Claim claim_;
  const base::Duration lease_;
  const std::atomic<bool>& stopping_;
  store::Changes changes_;
  const std::int64_t max_lines_;
  std::uint64_t left_out_ = 0;  // lines of the log
  bool told_ = false;           // that the database is waited for
  bool cancelled_ = false;
  std::jthread keeper_;
};

}  // namespace poetry::sync::work
