#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/seed.hpp"
#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

using By = Fault::Selector::By;
using Scope = Fault::Scope;

/// Whether one connection gets at most one of them.
bool compete(const Fault& a, const Fault& b) {
  return a.scope == b.scope && a.wrap == b.wrap &&
         (a.rivals == Fault::Rivals::all || a.amount == b.amount);
}

/// Whether nothing decides which of two is meant. Of several chances the first that hits is, but
/// two equal chances for one amount must be a slip.
bool exclude_each_other(const Fault& a, const Fault& b) {
  if (a.scope == Scope::port || b.scope == Scope::port) return true;
  return compete(a, b) && a.selector == b.selector &&
         (a.selector.by != By::chance || a.rivals == Fault::Rivals::same_amount);
}

/// `draw` is in [0, 1). For all, the chance is 1.
bool selects(const Fault::Selector& selector, const session::Peer& peer, double draw) {
  return selector.by == By::number ? peer.number == selector.number : draw < selector.chance;
}

class FaultyService : public session::Service {
 public:
  FaultyService(std::shared_ptr<session::Service> inner, std::shared_ptr<const CurrentPlan> plan,
                OnFired on_fired)
      : inner_(std::move(inner)), plan_(std::move(plan)), on_fired_(std::move(on_fired)) {}

  SessionPtr open(const session::Peer& peer, base::TimePoint now) override {
    auto session = inner_->open(peer, now);
    const auto plan = plan_->get(peer.port);
    for (const auto* fault : plan->choose(peer)) {
      session = fault->wrap(std::move(session),
                            {std::shared_ptr<const Fault>(plan, fault), peer, on_fired_});
    }
    return session;
  }
  session::Refresh refresh(base::TimePoint now) override { return inner_->refresh(now); }
  void drain() override { inner_->drain(); }

 private:
  std::shared_ptr<session::Service> inner_;
  const std::shared_ptr<const CurrentPlan> plan_;
  const OnFired on_fired_;
};

}  // namespace

FaultPlan::FaultPlan(std::vector<Fault> faults) : faults_(std::move(faults)) {
  for (auto a = faults_.begin(); a != faults_.end(); ++a) {
    for (auto b = a + 1; b != faults_.end(); ++b) {
      if (!exclude_each_other(*a, *b)) continue;
      throw base::UsageError("these faults exclude each other", a->text + " and " + b->text);
    }
  }
}

Acceptance FaultPlan::acceptance() const {
  // One that refuses connections is the only fault of its port.
  return faults_.empty() ? Acceptance::accept : faults_.front().acceptance;
}

const Fault* FaultPlan::accept_delay() const {
  const auto at = std::ranges::find(faults_, Scope::service, &Fault::scope);
  return at == faults_.end() ? nullptr : &*at;
}

std::vector<const Fault*> FaultPlan::choose(const session::Peer& peer) const {
  const auto seed = base::derive_seed(peer.seed, base::Purpose::faults);
  std::vector<const Fault*> chosen;
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    const auto& fault = faults_[i];
    // One draw for each fault of the plan, whatever the others are.
    if (fault.scope != Scope::session || !selects(fault.selector, peer, base::uniform(seed, i)))
      continue;
    const auto rival = std::find_if(chosen.begin(), chosen.end(),
                                    [&](const Fault* other) { return compete(*other, fault); });
    if (rival == chosen.end()) {
      chosen.push_back(&fault);
    } else if (fault.selector.by > (*rival)->selector.by) {
      *rival = &fault;
    }
  }
  // Those of one layer stay in the order in which the plan has them, as an array does.
  std::ranges::sort(chosen, {}, [](const Fault* fault) { return std::pair(fault->layer, fault); });
  return chosen;
}

std::shared_ptr<const FaultPlan> CurrentPlan::get(std::uint16_t port) const {
  const std::lock_guard lock(mutex_);
  const auto at = changed_.find(port);
  return at == changed_.end() ? plan_ : at->second;
}

void CurrentPlan::set(std::uint16_t port, FaultPlan plan) {
  const auto next = std::make_shared<const FaultPlan>(std::move(plan));
  const std::lock_guard lock(mutex_);
  changed_.insert_or_assign(port, next);
}

std::shared_ptr<session::Service> with_faults(std::shared_ptr<session::Service> inner,
                                              std::shared_ptr<const CurrentPlan> plan,
                                              OnFired on_fired, const session::Requests& requests) {
  inner = std::make_shared<FaultyService>(std::move(inner), plan, on_fired);
  inner = session::after_requests(std::move(inner), requests);
  return delay_accept(std::move(inner), std::move(plan), std::move(on_fired));
}

}  // namespace poetry::faults
