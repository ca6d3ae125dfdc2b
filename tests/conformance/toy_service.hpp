// A countdown on demand, the smallest service that both listens and keeps deadlines: for each line
// that a client sends, a number, it counts from there down to 0, a number a tick. A part of the
// tests: it shows what a service is made of, and is run under every engine like the others.
#pragma once

#include <atomic>
#include <memory>

#include "session/session.hpp"

namespace poetry::conformance {

/// Safe to call from several threads: all that changes is that it drains, an atomic.
class Countdown : public session::Service {
 public:
  explicit Countdown(base::Duration tick) : tick_(tick) {}
  std::unique_ptr<session::Session> open(const session::Peer& peer, base::TimePoint now) override;
  /// Its sessions count what they have taken to the end, and take no more.
  void drain() override { draining_ = true; }

 private:
  base::Duration tick_;
  std::atomic<bool> draining_{false};
};

}  // namespace poetry::conformance
