// One task, carried out from its start to its end in the calling thread, on blocking sockets behind
// ppoll(2), which keeps the deadlines. Owned by that thread; what it borrows outlives it.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "fetch/fetch.hpp"
#include "fetch/resolver.hpp"
#include "fetch/socket_io.hpp"
#include "fetch/strategy.hpp"

namespace poetry::fetch {

/// What a task does that lacks at its beginning what others give back when they end.
enum class IfShort { stop, fail };

class BlockingTask {
 public:
  /// The task is interrupted once `stop` is readable; nothing is read from it.
  BlockingTask(const Batch& batch, std::size_t task, Observer& observer, SocketIo& socket_io,
               std::shared_ptr<Resolver::Lookups> lookups, int stop);

  /// Runs until the fetch is over; or stops as `if_short` says, to be run again or given up, and
  /// returns what it lacks.
  std::error_code run(IfShort if_short);

  [[nodiscard]] Fetch& fetch() { return fetch_; }
  /// How often a wait has returned.
  [[nodiscard]] std::uint64_t wakeups() const { return wakeups_; }

 private:
  void act(const Resolve&);
  void act(const Connect& action);
  void act(const Transfer& action);
  void act(const HalfClose&);
  void act(const Wait& action);
  void act(const Done&) {}
  void try_address(const net::Address& address);
  void end_candidate(std::size_t index, std::error_code error);
  bool stops_for(std::error_code error);
  bool wait(base::TimePoint until);

  const Batch& batch_;
  Observer& observer_;
  SocketIo& socket_io_;
  std::shared_ptr<Resolver::Lookups> lookups_;
  Fetch fetch_;
  // To connect, by the index of their address, empty once closed; or the connection alone.
  std::vector<base::Fd> sockets_;
  std::vector<pollfd> polled_;   // the first is `stop`
  base::TimePoint polled_at_{};  // when what is ready was last looked for
  std::uint64_t wakeups_ = 0;
  IfShort if_short_ = IfShort::fail;
  std::error_code shortage_;
};

}  // namespace poetry::fetch
