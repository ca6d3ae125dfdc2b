// The faults as decorators, one a file. Each takes a session, which it owns, and says what that one
// says but for its fault; it lives as long as its connection. How they stand around each other is
// said in the table of fault_spec.cpp.
#pragma once

#include <memory>

#include "faults/fault_spec.hpp"

namespace poetry::faults {

/// One fault on one connection, which reports once that it took effect. Borrows the call from the
/// service, which outlives its sessions.
class Trigger {
 public:
  Trigger(std::shared_ptr<const Fault> fault, const session::Peer& peer, const OnFired& on_fired)
      : fault_(std::move(fault)), peer_(peer), on_fired_(on_fired) {}

  [[nodiscard]] const Fault& fault() const { return *fault_; }
  [[nodiscard]] const session::Peer& peer() const { return peer_; }
  /// `offset` is what the session has sent by now. Later calls do nothing.
  void fire(std::uint64_t offset) {
    if (!fired_ && on_fired_) on_fired_({peer_, fault_->text, offset});
    fired_ = true;
  }

 private:
  std::shared_ptr<const Fault> fault_;
  session::Peer peer_;
  const OnFired& on_fired_;
  bool fired_ = false;
};

/// Says Listen only where the inner session says so. Hence what is received may be passed on at
/// once: the inner session is listening.
class Decorator : public session::Session {
 public:
  Decorator(SessionPtr inner, Trigger trigger)
      : inner_(std::move(inner)), trigger_(std::move(trigger)) {}
  void receive(std::string_view bytes) override { inner_->receive(bytes); }

 protected:
  [[nodiscard]] session::Session& inner() const { return *inner_; }
  [[nodiscard]] Trigger& trigger() { return trigger_; }
  [[nodiscard]] const Fault& fault() const { return trigger_.fault(); }

 private:
  SessionPtr inner_;
  Trigger trigger_;
};

/// Passes each Write on in pieces. The inner session is not called before its Write is out, so that
/// the rest stays valid and nothing is copied.
class PiecewiseDecorator : public Decorator {
 public:
  using Decorator::Decorator;
  session::Step next(base::TimePoint now) final {
    if (rest_.empty()) {
      auto step = inner().next(now);
      const auto* write = std::get_if<session::Write>(&step);
      if (write == nullptr || write->bytes.empty()) return step;
      rest_ = write->bytes;
    }
    const auto bytes = piece(rest_, sent_);
    rest_.remove_prefix(bytes.size());
    sent_ += bytes.size();
    return session::Write{bytes};
  }

 private:
  /// What to send of `rest`, which is not empty, after `sent` bytes: at least one byte, in its
  /// place or in that of as many others. Valid until the next call.
  virtual std::string_view piece(std::string_view rest, std::uint64_t sent) = 0;

  std::string_view rest_;
  std::uint64_t sent_ = 0;
};

/// No Write is longer than the fault's amount.
SessionPtr slice_writes(SessionPtr inner, const Trigger& trigger);

/// Each Write comes later, after a Pause, in which nothing is received; `inner` itself where that
/// is no later.
SessionPtr delay_writes(SessionPtr inner, const Trigger& trigger);

/// Every bit of one byte is flipped. It stands outside the latency, since it cuts a Write in three
/// and each of them would be late.
SessionPtr corrupt_byte(SessionPtr inner, const Trigger& trigger);

/// After so many bytes or newlines, the fault's last step takes the place of all that would come. A
/// stream that ends before is left alone.
SessionPtr cut_stream(SessionPtr inner, const Trigger& trigger);

/// Where the plan has an accept-delay, a session is opened later by its time, counted from its
/// arrival, and until then there is a Pause: to the client, who is connected as soon as the kernel
/// says so, a late accept.
std::shared_ptr<session::Service> delay_accept(std::shared_ptr<session::Service> inner,
                                               std::shared_ptr<const CurrentPlan> plan,
                                               OnFired on_fired);

}  // namespace poetry::faults
