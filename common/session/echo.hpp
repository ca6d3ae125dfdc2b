// The echo service: bytes back as they come, each piece behind "PID: " where that is asked for, so
// that one can see which process serves whom.
#pragma once

#include <atomic>
#include <memory>

#include "session/session.hpp"

namespace poetry::session {

/// What a piece that is sent back begins with: nothing, or the number of the serving process.
enum class EchoPrefix { none, pid };

/// Its sessions share nothing but whether the server drains; they listen again only once all that
/// they read is sent back, so that a client which sends faster than it reads is held back.
class EchoService : public Service {
 public:
  explicit EchoService(EchoPrefix prefix) : prefix_(prefix) {}
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  /// From now on a session that has sent everything back finishes.
  void drain() override { draining_ = true; }

 private:
  EchoPrefix prefix_;
  std::atomic<bool> draining_{false};
};

struct ServiceKind;
ServiceKind echo_kind();

}  // namespace poetry::session
