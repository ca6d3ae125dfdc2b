#include "engine/deadlines.hpp"

#include <algorithm>
#include <bit>

namespace poetry {

void Deadlines::arm(Deadline& deadline, TimePoint at) {
  cancel(deadline);
  deadline.at_ = at;
  put(deadline);
}

void Deadlines::cancel(Deadline& deadline) {
  if (!deadline.armed()) return;
  deadline.hook_.unlink();
  const auto tick = tick_of(deadline);
  if (tick <= now_) return;  // it was due
  const auto [level, slot] = place_of(tick);
  if (wheel_[level].lists[slot].empty()) wheel_[level].occupied &= ~(std::uint64_t{1} << slot);
}

TimePoint Deadlines::next() const {
  if (!due_.empty() || !overdue_.empty()) return TimePoint::min();
  Place place{};
  if (!earliest(place)) return never;
  return later(TimePoint{}, tick_, first_tick(place));
}

void Deadlines::expire(TimePoint now) {
  const auto until = std::max(now_, static_cast<Tick>(now.time_since_epoch() / tick_));
  due_.splice(due_.end(), overdue_);
  for (Place place{}; earliest(place) && first_tick(place) <= until;) open(place);
  now_ = until;
  const auto sooner = [](const Deadline& one, const Deadline& other) {
    return one.at_ < other.at_;
  };
  if (!std::is_sorted(due_.begin(), due_.end(), sooner)) due_.sort(sooner);  // a stable one
}

Deadline* Deadlines::take() {
  if (due_.empty()) return nullptr;
  auto& deadline = due_.front();
  due_.pop_front();
  return &deadline;
}

/// The first tick at or after the deadline, 0 where that is before the clock's epoch.
Deadlines::Tick Deadlines::tick_of(const Deadline& deadline) const {
  const auto since = deadline.at_.time_since_epoch();
  if (since <= Duration{0}) return 0;
  return static_cast<Tick>(since / tick_) + (since % tick_ == Duration{0} ? 0 : 1);
}

/// Where a deadline of this tick stands, which is after now_.
Deadlines::Place Deadlines::place_of(Tick tick) const {
  const auto level = static_cast<unsigned>(std::bit_width(tick ^ now_) - 1) / digit_bits;
  return {level, static_cast<unsigned>(tick >> (level * digit_bits)) % slots};
}

/// Finds the slot that comes first; false where all are empty. Whatever stands on a level comes
/// before all that stands above, and none of it before now_.
bool Deadlines::earliest(Place& place) const {
  for (unsigned level = 0; level < levels; ++level) {
    if (wheel_[level].occupied == 0) continue;
    place = {level, static_cast<unsigned>(std::countr_zero(wheel_[level].occupied))};
    return true;
  }
  return false;
}

/// The slot's digit stands for this tick and those after it, up to the next digit.
Deadlines::Tick Deadlines::first_tick(const Place& place) const {
  const auto shift = place.level * digit_bits;
  const auto above =
      place.level + 1 == levels ? 0 : now_ >> (shift + digit_bits) << (shift + digit_bits);
  return above | Tick{place.slot} << shift;
}

void Deadlines::put(Deadline& deadline) {
  const auto tick = tick_of(deadline);
  if (tick <= now_) {
    overdue_.push_back(deadline);
    return;
  }
  const auto [level, slot] = place_of(tick);
  wheel_[level].occupied |= std::uint64_t{1} << slot;
  wheel_[level].lists[slot].push_back(deadline);
}

/// Goes on to the slot's first tick, at which its deadlines are due or come down the levels. They
/// keep their order of arming: none was put below while others of its tick stood here.
void Deadlines::open(const Place& place) {
  auto& level = wheel_[place.level];
  now_ = first_tick(place);
  level.occupied &= ~(std::uint64_t{1} << place.slot);
  List opened;
  opened.swap(level.lists[place.slot]);
  while (!opened.empty()) {
    auto& deadline = opened.front();
    opened.pop_front();
    if (tick_of(deadline) == now_) {
      due_.push_back(deadline);
    } else {
      put(deadline);
    }
  }
}

}  // namespace poetry
