#include <mutex>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

class LateService : public session::Service {
 public:
  LateService(std::shared_ptr<session::Service> inner, std::shared_ptr<const CurrentPlan> plan,
              OnFired on_fired)
      : inner_(std::move(inner)), plan_(std::move(plan)), on_fired_(std::move(on_fired)) {}

  SessionPtr open(const session::Peer& peer, base::TimePoint now) override {
    const auto plan = plan_->get(peer.port);
    const auto* fault = plan->accept_delay();
    if (fault == nullptr || fault->by == base::Duration{0}) {
      const std::lock_guard lock(mutex_);
      return inner_->open(peer, now);
    }
    const Trigger trigger(std::shared_ptr<const Fault>(plan, fault), peer, on_fired_);
    return std::make_unique<Newcomer>(*this, trigger, base::later(now, fault->by));
  }
  session::Refresh refresh(base::TimePoint now) override {
    const std::lock_guard lock(mutex_);
    return inner_->refresh(now);
  }
  void drain() override {
    const std::lock_guard lock(mutex_);
    inner_->drain();
  }

 private:
  /// Pauses until its time has come, and then is the inner session.
  class Newcomer : public session::Session {
   public:
    Newcomer(LateService& service, const Trigger& trigger, base::TimePoint start)
        : service_(service), trigger_(trigger), start_(start) {}

    session::Step next(base::TimePoint now) override {
      if (!inner_) {
        trigger_.fire(0);
        if (now < start_) return session::Pause{start_};
        const std::lock_guard lock(service_.mutex_);
        inner_ = service_.inner_->open(trigger_.peer(), start_);
      }
      return inner_->next(now);
    }
    void receive(std::string_view bytes) override { inner_->receive(bytes); }

   private:
    LateService& service_;
    Trigger trigger_;
    base::TimePoint start_;
    SessionPtr inner_;
  };

  std::mutex mutex_;  ///< of calls on inner_, since sessions open theirs where they are stepped
  std::shared_ptr<session::Service> inner_;
  const std::shared_ptr<const CurrentPlan> plan_;
  OnFired on_fired_;
};

}  // namespace

std::shared_ptr<session::Service> delay_accept(std::shared_ptr<session::Service> inner,
                                               std::shared_ptr<const CurrentPlan> plan,
                                               OnFired on_fired) {
  return std::make_shared<LateService>(std::move(inner), std::move(plan), std::move(on_fired));
}

}  // namespace poetry::faults
