// Who waits and which system call: an engine accepts on the ports it is lent, gives every
// connection a session, and carries out the session's steps. One engine runs per process.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "net/address.hpp"
#include "reactor/multiplexer.hpp"
#include "session/session.hpp"

namespace poetry::engine {

/// How many connections may be held at once; shared by the ports that it counts for.
struct Quota {
  std::uint64_t limit = 0;  ///< 0 is no limit
  std::uint64_t held = 0;

  [[nodiscard]] bool full() const { return limit != 0 && held >= limit; }
};

/// What a port has done; threads add to it, and processes where it lies in shared memory.
struct Counters {
  /// Lateness is counted in classes up to these, and one beyond.
  static constexpr std::array<base::Duration, 8> lateness_bounds{
      std::chrono::microseconds(100), std::chrono::milliseconds(1),  std::chrono::milliseconds(2),
      std::chrono::milliseconds(5),   std::chrono::milliseconds(10), std::chrono::milliseconds(100),
      std::chrono::seconds(1),        std::chrono::seconds(10)};

  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> ended{0};  ///< of the accepted
  std::atomic<std::uint64_t> bytes_sent{0};
  std::atomic<std::uint64_t> faults{0};   ///< that took effect, see faults/fault_spec.hpp
  std::atomic<std::uint64_t> held_ns{0};  ///< for how long the ended were held, in all

  /// Whether what follows is counted, which costs some time.
  std::atomic<bool> measured{false};
  std::atomic<std::uint64_t> lines_sent{0};  ///< newlines
  /// How long after a session's time it got its turn.
  std::array<std::atomic<std::uint64_t>, lateness_bounds.size() + 1> late{};
  std::atomic<std::uint64_t> lateness_ns{0};  ///< in all
};

/// A listening port and what it serves. Owned by the server, borrowed by its engine, which closes
/// the listener when it stops accepting. Between turns the server may put another service in.
struct Port {
  base::Fd listener;  ///< empty: nobody is accepted here
  net::HostPort at;
  std::string service_name;                   ///< "poem"
  std::string name;                           ///< "ecstasy.txt"
  std::shared_ptr<session::Service> service;  ///< shared with the sessions that it opened
  std::shared_ptr<Quota> quota;
  base::Duration send_timeout{0};  ///< longest time without progress in sending; 0 is for ever
  std::uint64_t seed = 0;          ///< from which each connection's seed is derived
  std::shared_ptr<Counters> counters;
  /// Connections that this process holds here, in memory that the one which forked it shares.
  std::shared_ptr<std::atomic<std::uint64_t>> held =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

/// Why a connection ended.
enum class Reason : std::uint8_t {
  finished,
  peer_closed,
  peer_reset,
  send_timeout,
  await_timeout,
  fault,
  shutdown
};
std::string_view to_string(Reason reason);

/// A connection that has ended.
struct Ended {
  const Port& port;
  const net::Address& peer;
  std::uint64_t number;  ///< the port's Nth, from 1
  std::uint64_t bytes;   ///< sent
  base::Duration elapsed;
  Reason reason;
};

/// A connection that has not ended.
struct Held {
  const Port& port;
  const net::Address& peer;
  std::uint64_t number;                ///< the port's Nth, from 1
  std::optional<std::uint64_t> bytes;  ///< sent; none where another process knows
  base::Duration elapsed;
};

/// An engine's connections, for its host in Host::control().
struct Connections {
  virtual ~Connections() = default;
  /// Asks of each; ends those that are unwanted with Reason::shutdown, some of them a moment later.
  virtual void end_if(const std::function<bool(const Held&)>& unwanted) = 0;
};

/// What the server wants of its engine: go on, stop accepting and let sessions end, or end now.
enum class Command { go_on, drain, stop };

/// The engine's owner, called between two turns of the engine.
struct Host {
  virtual ~Host() = default;
  /// All is set up; connections are taken from now on. Called once, and what it raises ends
  /// serve().
  virtual void ready() {}
  /// The control descriptor is readable. The connections are lent for the call.
  virtual Command control(Connections& connections) = 0;
  virtual Command ended(const Ended& connection) = 0;
};

struct EngineOptions {
  std::vector<int> controls;        ///< any is readable when Host::control() is to be called
  base::Duration drain_timeout{0};  ///< how long sessions may go on after the first Command::drain
  /// Deadlines that fall into one tick are met together; more than 0.
  base::Duration tick = std::chrono::milliseconds(1);
};

/// How many connections an engine can hold by the limits of this process and its user. Whatever
/// else may be short (memory, the machine's threads, a control group's) the error at the time
/// tells.
struct Capacity {
  std::uint64_t connections;
  std::string limit;  ///< "20000 open files (ulimit -n)"
};

/// By descriptors, one a connection beside those that are open now and `own` of the engine's.
Capacity descriptor_capacity(std::uint64_t own = 0);

/// By descriptors, and by the processes of a user, one a connection; a thread counts as one.
Capacity process_capacity(std::uint64_t own_descriptors = 0);

/// Raises std::system_error where no further process or thread is to be had. It says what to look
/// at: the reasons of EAGAIN in fork(2) and pthread_create(3).
[[noreturn]] void throw_no_process(int error, const std::string& attempt);

/// What an engine can do.
struct Engine {
  /// Serves until a Command ends it; then every connection and listener is closed.
  /// Raises std::system_error where it cannot be set up.
  std::function<void(std::span<Port> ports, Host& host, const EngineOptions& options)> serve;
  /// The most connections that it can hold in this process's limits, and which limit that is.
  std::function<Capacity()> capacity;
};

/// The names that make_engine() takes: those that were built in.
std::vector<std::string> engine_names();

/// Raises UsageError for an unknown name, listing the valid ones, and std::system_error, which says
/// what helps, where the kernel does not allow the engine.
Engine make_engine(std::string_view name);

/// The engine that never blocks, in one thread: every connection waits in one multiplexer, which is
/// made anew for each Engine::serve().
Engine make_reactor_engine(std::function<std::unique_ptr<reactor::Multiplexer>()> make_multiplexer);

/// The engines beside those over a multiplexer: a thread and a process a connection.
Engine make_threads_engine();
Engine make_fork_engine();

/// Over io_uring. Only where it was built in.
Engine make_uring_engine();

}  // namespace poetry::engine
