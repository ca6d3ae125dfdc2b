#include "session/discard.hpp"

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

}  // namespace poetry::session
