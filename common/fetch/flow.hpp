// A task in flight in a loop over a reactor: does what its fetch says next with sockets and an
// alarm, and tells it what came of it. Owned by the loop, which outlives it and starts it, looks
// names up for it and puts it away.
#pragma once

#include <cstdint>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "base/fd.hpp"
#include "fetch/exchange.hpp"
#include "fetch/fetch.hpp"
#include "fetch/resolver.hpp"
#include "fetch/strategy.hpp"
#include "reactor/reactor.hpp"

namespace poetry {

class Flow {
 public:
  /// The loop around it.
  class Host {
   public:
    virtual ~Host() = default;
    /// There is no descriptor for the flow. True where it is put away, to begin anew later.
    virtual bool put_back(Flow& flow) = 0;
    /// The flow is over; its sockets are closed. It must not be destroyed in this call.
    virtual void over(Flow& flow) = 0;
  };

  /// What flows share.
  struct Surroundings {
    const Batch& batch;
    Observer& observer;
    Host& host;
    Reactor& reactor;
    Resolver& resolver;
    Exchange exchange;
    std::unordered_map<std::uint64_t, Flow*> asking;  ///< for a name, by the resolver's ticket
  };

  Flow(Surroundings& around, std::size_t task);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() { let_go(); }

  [[nodiscard]] Fetch& fetch() { return fetch_; }

  /// Starts it. It goes on by itself, with what the reactor calls.
  void begin() { advance(); }
  /// The answer to what it asks for. Not after a deadline has ended that.
  void resolved(const Resolved& found);
  void interrupt();
  /// Closes what it has open and waits for nothing any more.
  void let_go();

 private:
  enum class Progress { waits, goes_on, over };

  void advance();
  Progress act(const Resolve& action);
  Progress act(const Connect& action);
  Progress act(const Transfer& action);
  Progress act(const HalfClose&);
  Progress act(const Wait& action);
  Progress act(const Done&);
  void set_alarm(TimePoint until);
  void end_candidate(std::size_t index, std::error_code error, TimePoint now);
  void drop(Fd& socket);
  void drop_sockets();
  void forget_name();
  void ready(Interest what);
  void expire();

  Surroundings& around_;
  Fetch fetch_;
  Alarm alarm_;                 // may be set sooner than the fetch's deadline, never later
  std::vector<Fd> candidates_;  // to connect, by the index of their address; empty once closed
  Fd connection_;
  Interest watched_ = Interest::none;  // of the connection
  std::uint64_t ticket_ = 0;           // of the name that it asks for
};

}  // namespace poetry
