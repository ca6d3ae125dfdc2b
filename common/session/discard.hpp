// The discard service (RFC 863): it takes whatever its client sends, answers nothing, and ends when
// the client has ended.
#pragma once

#include <atomic>
#include <memory>

#include "session/session.hpp"

namespace poetry::session {

/// Its sessions share nothing but whether the server drains, which is when they finish at once.
class DiscardService : public Service {
 public:
  std::unique_ptr<Session> open(const Peer& peer, base::TimePoint now) override;
  void drain() override { draining_ = true; }

 private:
  std::atomic<bool> draining_{false};
};

struct ServiceKind;
ServiceKind discard_kind();

}  // namespace poetry::session
