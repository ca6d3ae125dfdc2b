// Faults on demand, as users write them: "[SELECT:]NAME[=ARG]", SELECT being "N%" or "#N". A plan
// is the faults of one port; what it does to a connection follows from the connection's seed and
// number alone. A service with faults owns its plan and is owned by its port, as any service.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/requests.hpp"

namespace poetry::faults {

class Trigger;

using SessionPtr = std::unique_ptr<session::Session>;
/// Makes a session that says what `inner` says but for its fault, as decorators.hpp has them.
using Wrap = SessionPtr (*)(SessionPtr inner, const Trigger& trigger);

/// What happens at the port before a connection is accepted.
enum class Acceptance { accept, refuse, blackhole };

/// One fault as its user wrote it, taken apart: which connections it is for, what it does to them,
/// and where or how much.
struct Fault {
  /// Where it acts: on the port, on the service that opens sessions, or on one session.
  enum class Scope { port, service, session };
  enum class Unit { bytes, lines, time };
  /// Which others of its scope and wrap a connection does not get beside it.
  enum class Rivals { all, same_amount };

  struct Selector {
    /// From the general to the specific.
    enum class By { all, chance, number };
    By by = By::all;
    double chance = 1;         ///< in [0, 1]
    std::uint64_t number = 0;  ///< the port's Nth connection, from 1

    bool operator==(const Selector&) const = default;
  };

  std::string text = {};  ///< as written: "#1:reset-after=40B"
  Selector selector = {};
  Scope scope = Scope::session;
  Wrap wrap = nullptr;          ///< of a session's
  int layer = 0;                ///< of several wraps the higher is around the lower
  Rivals rivals = Rivals::all;  ///< corrupt: same_amount, as twice flipped is whole again
  std::uint64_t amount = 0;     ///< slice: the longest; corrupt: the byte; cut: after how much
  Unit unit = Unit::bytes;      ///< of a cut's point, which is `amount` or, as a time, `by`
  base::Duration by{0};         ///< latency, accept-delay: how much later; 0 is off
  /// cut: how long the stream stands still at its point, counted from the bytes before it.
  base::Duration hold{0};
  std::optional<session::Step> last = {};  ///< cut: what is said from then on; none: all that comes
  Acceptance acceptance = Acceptance::accept;
};

/// A fault that took effect. It is reported when it does, not when it is chosen, and once for each
/// connection.
struct Fired {
  const session::Peer& peer;
  std::string_view fault;    ///< as written: "#1:reset-after=40B"
  std::uint64_t offset = 0;  ///< bytes that the session had sent by then
};

/// Called where a session is stepped: under some engines in many threads at once.
using OnFired = std::function<void(const Fired&)>;

/// The faults of one port. It never changes.
class FaultPlan {
 public:
  /// No fault at all.
  FaultPlan() = default;
  /// Raises UsageError for faults that contradict each other, naming both.
  explicit FaultPlan(std::vector<Fault> faults);

  [[nodiscard]] bool empty() const { return faults_.empty(); }
  [[nodiscard]] Acceptance acceptance() const;
  /// The one for the port, or nullptr.
  [[nodiscard]] const Fault* accept_delay() const;
  /// Those that change what this connection's session says, from the inside to the outside. Of
  /// several latencies, slices or ends the most specific is chosen: "#N", then "N%", then all; of
  /// several "N%" that hit, the first. They point into this plan.
  [[nodiscard]] std::vector<const Fault*> choose(const session::Peer& peer) const;

 private:
  std::vector<Fault> faults_;
};

/// The plan that holds for sessions which are opened now; those that are open keep theirs. Safe to
/// call from several threads.
class CurrentPlan {
 public:
  explicit CurrentPlan(FaultPlan plan)
      : plan_(std::make_shared<const FaultPlan>(std::move(plan))) {}
  /// Of the sessions at a port.
  [[nodiscard]] std::shared_ptr<const FaultPlan> get(std::uint16_t port) const;
  /// Changes it for one of the ports that share it.
  void set(std::uint16_t port, FaultPlan plan);

 private:
  std::shared_ptr<const FaultPlan> plan_;
  mutable std::mutex mutex_;
  std::map<std::uint16_t, std::shared_ptr<const FaultPlan>> changed_;  // guarded by mutex_
};

/// The names of all faults, as users write them.
std::vector<std::string_view> fault_names();

/// Parses the faults of one port; "none" alone is no fault. Raises UsageError that names the
/// offender: for an unknown fault, listing the valid ones, for a bad SELECT or ARG, and for
/// faults that contradict each other.
FaultPlan parse_faults(std::span<const std::string> texts);

/// A service whose sessions misbehave as planned, each answer anew where requests are awaited. A
/// connection that no fault is for gets its bare session.
///
/// A session that comes late, see accept-delay, is opened where it is stepped, so calls of
/// `inner`'s open(), refresh() and drain() exclude each other; but for those of open() where
/// requests are awaited, see after_requests(). For that, and since refresh() tells its news to one
/// caller, an `inner` that is not safe to call from several threads is to be wrapped once only, and
/// not used beside it. What `on_fired` uses is its maker's to guard.
std::shared_ptr<session::Service> with_faults(std::shared_ptr<session::Service> inner,
                                              std::shared_ptr<const CurrentPlan> plan,
                                              OnFired on_fired,
                                              const session::Requests& requests = {});

}  // namespace poetry::faults
