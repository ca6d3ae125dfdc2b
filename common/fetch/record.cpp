#include "fetch/record.hpp"

namespace poetry::fetch {

void Arrivals::add(base::TimePoint at, std::size_t max) {
  if (!times_.empty() && at - times_.back() < step_) {
    blur_ = step_;
    return;
  }
  times_.push_back(at);
  while (times_.size() > max) {
    blur_ = step_ *= 2;
    auto kept = times_.begin();
    for (const base::TimePoint each : times_) {
      if (each == times_.front() || each - *kept >= step_) {
        if (each != times_.front()) ++kept;
        *kept = each;
      }
    }
    times_.erase(kept + 1, times_.end());
  }
}

void Arrivals::clear() { *this = {}; }

}  // namespace poetry::fetch
