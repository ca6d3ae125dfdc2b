// The discard service (RFC 863): it takes whatever its client sends, answers nothing, and ends when
// the client has ended.
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

class DiscardSession : public Session {
 public:
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

ServiceKind discard_kind() {
  return {.name = "discard", .make = [](const ServiceSpec&, const Context&) {
            return service_of([](const Peer&, base::TimePoint, const auto& draining) {
              return std::make_unique<DiscardSession>(draining);
            });
          }};
}

}  // namespace poetry::session
