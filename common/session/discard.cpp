#include "session/discard.hpp"

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

}  // namespace

std::unique_ptr<Session> DiscardService::open(const Peer& /*peer*/, base::TimePoint /*now*/) {
  return std::make_unique<DiscardSession>(draining_);
}

ServiceKind discard_kind() {
  return {.name = "discard", .make = [](const ServiceSpec&, const Context&) {
            return std::make_shared<DiscardService>();
          }};
}

}  // namespace poetry::session
