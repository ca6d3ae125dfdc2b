#include <optional>
#include <utility>

#include "faults/decorators.hpp"

namespace poetry {
namespace {

class LateWriter : public Decorator {
 public:
  using Decorator::Decorator;
  Step next(TimePoint now) override {
    if (!held_) {
      const auto step = inner().next(now);
      const auto* write = std::get_if<Write>(&step);
      if (write == nullptr) return step;
      held_ = *write;
      due_ = later(now, fault().by);
      trigger().fire(0);  // the first write of all is late
    }
    if (now < due_) return Pause{due_};
    return *std::exchange(held_, std::nullopt);
  }

 private:
  std::optional<Write> held_;
  TimePoint due_{};
};

}  // namespace

std::unique_ptr<Session> delay_writes(std::unique_ptr<Session> inner, const Trigger& trigger) {
  return std::make_unique<LateWriter>(std::move(inner), trigger);
}

}  // namespace poetry
