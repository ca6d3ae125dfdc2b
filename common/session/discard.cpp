// The discard service (RFC 863): it takes whatever its client sends, answers nothing, and ends when
// the client has ended.
#include <atomic>

#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

class DiscardSession : public Session {
 public:
  /// `draining` belongs to the service, which outlives its sessions.
  explicit DiscardSession(const std::atomic<bool>& draining) : draining_(draining) {}

  Step next(base::TimePoint /*now*/) override {
    if (peer_finished_ || draining_) return Finish{};
    return Listen{};
  }
  void receive(std::string_view bytes) override { peer_finished_ = bytes.empty(); }

 private:
  const std::atomic<bool>& draining_;
  bool peer_finished_ = false;
};

/// Its sessions share nothing but whether the server drains, which is when they finish at once.
class DiscardService : public Service {
 public:
  std::unique_ptr<Session> open(const Peer& /*peer*/, base::TimePoint /*now*/) override {
    return std::make_unique<DiscardSession>(draining_);
  }
  void drain() override { draining_ = true; }

 private:
  std::atomic<bool> draining_{false};
};

}  // namespace

ServiceKind discard_kind() {
  return {.name = "discard", .make = [](const ServiceSpec&, const Context&) {
            return std::make_shared<DiscardService>();
          }};
}

}  // namespace poetry::session
