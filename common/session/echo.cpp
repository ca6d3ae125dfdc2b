// The echo service: bytes back as they come, each piece behind "PID: " where that is asked for, so
// that one can see which process serves whom.
#include "session/service_kind.hpp"

namespace poetry::session {
namespace {

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

/// "none" or "pid".
bool names_process(std::string_view prefix) {
  if (prefix == "none" || prefix == "pid") return prefix == "pid";
  throw base::UsageError("unknown prefix (valid: none, pid)", prefix);
}

}  // namespace

ServiceKind echo_kind() {
  static const Setters<bool> setters{
      {"prefix", [](bool& is_pid, std::string_view v) { is_pid = names_process(v); }}};
  return kind_with(setters, "echo", "", [](const ServiceSpec&, bool is_pid) {
    return service_of([is_pid](const Peer& peer, base::TimePoint, const auto& draining) {
      return std::make_unique<EchoSession>(is_pid ? std::to_string(peer.process) + ": " : "",
                                           draining);
    });
  });
}

}  // namespace poetry::session
