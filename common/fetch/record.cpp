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
    base::TimePoint kept = times_.front() - step_;
    std::erase_if(times_, [&](base::TimePoint each) {
      if (each - kept < step_) return true;
      kept = each;
      return false;
    });
  }
}

void Arrivals::clear() { *this = {}; }

}  // namespace poetry::fetch
