#include <algorithm>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

class Slicer : public PiecewiseDecorator {
 public:
  using PiecewiseDecorator::PiecewiseDecorator;

 private:
  std::string_view piece(std::string_view rest, std::uint64_t sent) override {
    if (rest.size() > fault().amount) trigger().fire(sent);
    return rest.substr(0, std::min<std::uint64_t>(rest.size(), fault().amount));
  }
};

}  // namespace

SessionPtr slice_writes(SessionPtr inner, const Trigger& trigger) {
  return std::make_unique<Slicer>(std::move(inner), trigger);
}

}  // namespace poetry::faults
