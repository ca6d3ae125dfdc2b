// One task, carried out from its start to its end in the calling thread, on sockets that block:
// connect(2), send(2) and recv(2) wait themselves, for what is left until the deadline (SO_RCVTIMEO
// and SO_SNDTIMEO, socket(7)). Only names and pauses are waited for by ppoll(2). Owned by that
// thread; what it borrows outlives it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "fetch/fetch.hpp"
#include "fetch/resolver.hpp"
#include "fetch/socket_io.hpp"
#include "fetch/strategy.hpp"

namespace poetry::fetch {

/// Ends tasks that block, from another thread. One for all tasks of a run.
class Stop {
 public:
  /// How soon set() is to be called again, as long as a task runs: it may have been about to block.
  static constexpr base::Duration repeat = std::chrono::milliseconds(10);

  /// Shuts down the sockets that tasks block in, and wakes those that pause.
  void set();
  [[nodiscard]] bool is_set() const { return set_; }
  /// Readable from set() on.
  [[nodiscard]] int fd() const { return bell_.get(); }

  /// From then on it is one of those, until it is closed by this call.
  void add(int socket);
  void close(base::Fd& socket);

 private:
  base::Fd bell_ = base::make_eventfd();
  std::atomic<bool> set_ = false;
  std::mutex mutex_;
  std::set<int> sockets_;
};

/// What a task does that lacks at its beginning what others give back when they end.
enum class IfShort { stop, fail };

class BlockingTask {
 public:
  /// The task is interrupted by `stop`.
  BlockingTask(const Batch& batch, std::size_t task, Observer& observer, SocketIo& socket_io,
               std::shared_ptr<Resolver::Lookups> lookups, Stop& stop);
  ~BlockingTask() { close_all(); }

  /// Runs until the fetch is over; or stops as `if_short` says, to be run again or given up, and
  /// returns what it lacks.
  std::error_code run(IfShort if_short);

  [[nodiscard]] Fetch& fetch() { return fetch_; }
  /// How often a call that may wait has returned.
  [[nodiscard]] std::uint64_t wakeups() const { return wakeups_; }

 private:
  void act(const Resolve&);
  void act(const Connect& action);
  void act(const Transfer& action);
  void act(const HalfClose&);
  void act(const Wait& action);
  void act(const Done&) {}
  void open(const net::Address& address);
  void connect(std::size_t index, const Connect& action);
  void end_candidate(std::size_t index, std::error_code error);
  void receive(std::uint64_t max);
  bool stops_for(std::error_code error);
  void limit_blocking(int socket, base::TimePoint until);
  bool pause(base::TimePoint until, int readable = -1);
  void close_all();

  const Batch& batch_;
  Observer& observer_;
  SocketIo& socket_io_;
  std::shared_ptr<Resolver::Lookups> lookups_;
  Stop& stop_;
  Fetch fetch_;
  // To connect, by the index of their address, empty once closed; or the connection alone.
  std::vector<base::Fd> sockets_;
  int limited_ = -1;             // the socket whose calls block no longer than
  base::Duration limit_{};       // that
  base::TimePoint looked_at_{};  // what was there by then has been taken
  std::uint64_t wakeups_ = 0;
  IfShort if_short_ = IfShort::fail;
  std::error_code shortage_;
};

}  // namespace poetry::fetch
