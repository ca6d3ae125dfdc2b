// The character generator (RFC 864): lines of 72 printable ASCII characters without end, each of
// which begins one character later than the line before, paced like a poem's. What the client sends
// is thrown away as it comes; the stream goes on when the client half-closes.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "session/pacing.hpp"
#include "session/session.hpp"

namespace poetry::session {

/// Safe to call from several threads: all that changes is that it drains, an atomic.
class ChargenService : public Service {
 public:
  explicit ChargenService(const Pacing& pacing);
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  /// From now on a session finishes, wherever it is in its line.
  void drain() override { draining_ = true; }

 private:
  const Pacing pacing_;
  const std::string pattern_;
  std::atomic<bool> draining_{false};
};

struct ServiceKind;
ServiceKind chargen_kind();

}  // namespace poetry::session
