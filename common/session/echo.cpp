// The echo service: bytes back as they come, each piece behind "PID: " where that is asked for, so
// that one can see which process serves whom.
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

/// What a piece that is sent back begins with: nothing, or the number of the serving process.
enum class EchoPrefix { none, pid };

/// It listens again only once all that it read is sent back, so that a client which sends faster
/// than it reads is held back, and finishes only then.
class EchoSession : public Session {
 public:
  EchoSession(std::string prefix, const std::atomic<bool>& draining)
      : prefix_(std::move(prefix)), draining_(draining) {}

  Step next(base::TimePoint /*now*/) override {
    if (unsent_) {
      unsent_ = false;
      return Write{piece_};
    }
    piece_ = std::string();  // not clear(), which would keep the memory of a session at rest
    if (peer_finished_ || draining_) return Finish{};
    return Listen{};
  }

  void receive(std::string_view bytes) override {
    if (bytes.empty()) {
      peer_finished_ = true;
      return;
    }
    piece_.reserve(prefix_.size() + bytes.size());
    piece_.append(prefix_).append(bytes);
    unsent_ = true;
  }

 private:
  std::string prefix_;
  const std::atomic<bool>& draining_;
  std::string piece_;  ///< one receive() at most
  bool unsent_ = false;
  bool peer_finished_ = false;
};

}  // namespace

ServiceKind echo_kind() {
  static const Setters<EchoPrefix> setters{
      {"prefix", [](EchoPrefix& prefix, std::string_view v) {
         if (v != "none" && v != "pid") {
           throw base::UsageError("unknown prefix (valid: none, pid)", v);
         }
         prefix = v == "pid" ? EchoPrefix::pid : EchoPrefix::none;
       }}};
  return kind_with(setters, "echo", "", [](const ServiceSpec&, EchoPrefix prefix) {
    return service_of([prefix](const Peer& peer, base::TimePoint, const auto& draining) {
      return std::make_unique<EchoSession>(
          prefix == EchoPrefix::pid ? std::to_string(peer.process) + ": " : "", draining);
    });
  });
}

}  // namespace poetry::session
