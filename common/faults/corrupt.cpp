#include <algorithm>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

class Corrupter : public PiecewiseDecorator {
 public:
  using PiecewiseDecorator::PiecewiseDecorator;

 private:
  std::string_view piece(std::string_view rest, std::uint64_t sent) override {
    const auto offset = fault().amount;
    if (sent > offset) return rest;
    if (sent < offset) return rest.substr(0, std::min<std::uint64_t>(rest.size(), offset - sent));
    trigger().fire(sent);
    flipped_ = static_cast<char>(~rest.front());
    return {&flipped_, 1};
  }

  char flipped_ = 0;
};

}  // namespace

SessionPtr corrupt_byte(SessionPtr inner, const Trigger& trigger) {
  return std::make_unique<Corrupter>(std::move(inner), trigger);
}

}  // namespace poetry::faults
