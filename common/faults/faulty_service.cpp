#include "faults/decorators.hpp"
#include "faults/fault_spec.hpp"

namespace poetry::faults {
namespace {

class FaultyService : public session::Service {
 public:
  FaultyService(std::shared_ptr<session::Service> inner, FaultPlan plan, OnFired on_fired)
      : inner_(std::move(inner)), plan_(std::move(plan)), on_fired_(std::move(on_fired)) {}

  std::unique_ptr<session::Session> open(const session::Peer& peer, base::TimePoint now) override {
    auto session = inner_->open(peer, now);
    for (const auto* fault : plan_.choose(peer)) {
      session = fault->wrap(std::move(session), {*fault, peer, on_fired_});
    }
    return session;
  }
  session::Refresh refresh(base::TimePoint now) override { return inner_->refresh(now); }
  void drain() override { inner_->drain(); }

 private:
  std::shared_ptr<session::Service> inner_;
  const FaultPlan plan_;
  const OnFired on_fired_;
};

}  // namespace

std::shared_ptr<session::Service> with_faults(std::shared_ptr<session::Service> inner,
                                              FaultPlan plan, OnFired on_fired) {
  const auto* late = plan.accept_delay();
  const auto delay = late == nullptr ? Fault{} : *late;
  if (plan.changes_sessions()) {
    inner = std::make_shared<FaultyService>(std::move(inner), std::move(plan), on_fired);
  }
  if (delay.by == base::Duration{0}) return inner;
  return delay_accept(std::move(inner), delay, std::move(on_fired));
}

}  // namespace poetry::faults
