#include <algorithm>

#include "faults/decorators.hpp"

namespace poetry::faults {
namespace {

class Cutter : public Decorator {
 public:
  Cutter(std::unique_ptr<session::Session> inner, const Trigger& trigger)
      : Decorator(std::move(inner), trigger), left_(fault().amount) {}

  session::Step next(base::TimePoint now) override {
    if (left_ == 0) {
      trigger().fire(sent_);
      return fault().last;
    }
    auto step = inner().next(now);
    if (auto* write = std::get_if<session::Write>(&step)) {
      write->bytes = take(write->bytes);
      sent_ += write->bytes.size();
    }
    return step;
  }

 private:
  /// As much as comes before the cut.
  std::string_view take(std::string_view bytes) {
    if (fault().unit == Fault::Unit::bytes) {
      const auto before = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), left_));
      left_ -= before.size();
      return before;
    }
    std::size_t size = 0;
    while (left_ > 0) {
      const auto newline = bytes.find('\n', size);
      if (newline == std::string_view::npos) return bytes;
      size = newline + 1;
      --left_;
    }
    return bytes.substr(0, size);
  }

  std::uint64_t left_;  ///< bytes or newlines
  std::uint64_t sent_ = 0;
};

}  // namespace

std::unique_ptr<session::Session> cut_stream(std::unique_ptr<session::Session> inner,
                                             const Trigger& trigger) {
  return std::make_unique<Cutter>(std::move(inner), trigger);
}

}  // namespace poetry::faults
