#include <optional>
#include <utility>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

class LateWriter : public Decorator {
 public:
  using Decorator::Decorator;
  session::Step next(base::TimePoint now) override {
    if (!held_) {
      const auto step = inner().next(now);
      const auto* write = std::get_if<session::Write>(&step);
      if (write == nullptr) return step;
      held_ = *write;
      due_ = base::later(now, fault().by);
      trigger().fire(0);  // the first write of all is late
    }
    if (now < due_) return session::Pause{due_};
    return *std::exchange(held_, std::nullopt);
  }

 private:
  std::optional<session::Write> held_;
  base::TimePoint due_{};
};

}  // namespace

SessionPtr delay_writes(SessionPtr inner, const Trigger& trigger) {
  if (trigger.fault().by == base::Duration{0}) return inner;
  return std::make_unique<LateWriter>(std::move(inner), trigger);
}

}  // namespace poetry::faults
