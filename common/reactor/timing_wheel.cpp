#include "reactor/timing_wheel.hpp"

#include <algorithm>
#include <bit>

namespace poetry::reactor {

void TimingWheel::arm(Timer& timer, base::TimePoint at) {
  cancel(timer);
  timer.at_ = at;
  put(timer);
}

void TimingWheel::cancel(Timer& timer) {
  if (!timer.armed()) return;
  timer.hook_.unlink();
  const auto tick = tick_of(timer);
  if (tick <= now_) return;  // it was due
  const auto [level, slot] = place_of(tick);
  if (wheel_[level].lists[slot].empty()) wheel_[level].occupied &= ~(std::uint64_t{1} << slot);
}

base::TimePoint TimingWheel::next() const {
  if (!due_.empty() || !overdue_.empty()) return base::TimePoint::min();
  const auto place = earliest();
  return place ? base::later(base::TimePoint{}, tick_, first_tick(*place)) : base::never;
}

void TimingWheel::expire(base::TimePoint now) {
  const auto until = std::max(now_, static_cast<Tick>(now.time_since_epoch() / tick_));
  due_.splice(due_.end(), overdue_);
  for (auto place = earliest(); place && first_tick(*place) <= until; place = earliest())
    open(*place);
  now_ = until;
  const auto sooner = [](const Timer& one, const Timer& other) { return one.at_ < other.at_; };
  if (!std::is_sorted(due_.begin(), due_.end(), sooner)) due_.sort(sooner);  // a stable one
}

Timer* TimingWheel::take() {
  if (due_.empty()) return nullptr;
  auto& timer = due_.front();
  due_.pop_front();
  return &timer;
}

/// The first tick at or after the timer's time, 0 where that is before the clock's epoch.
TimingWheel::Tick TimingWheel::tick_of(const Timer& timer) const {
  const auto since = timer.at_.time_since_epoch();
  if (since <= base::Duration{0}) return 0;
  return static_cast<Tick>(since / tick_) + (since % tick_ == base::Duration{0} ? 0 : 1);
}

/// Where a timer of this tick stands, which is after now_.
TimingWheel::Place TimingWheel::place_of(Tick tick) const {
  const auto level = static_cast<unsigned>(std::bit_width(tick ^ now_) - 1) / digit_bits;
  return {level, static_cast<unsigned>(tick >> (level * digit_bits)) % slots};
}

/// The slot that comes first; none where all are empty. Whatever stands on a level comes before all
/// that stands above, and none of it before now_.
std::optional<TimingWheel::Place> TimingWheel::earliest() const {
  for (unsigned level = 0; level < levels; ++level) {
    const auto occupied = wheel_[level].occupied;
    if (occupied != 0) return Place{level, static_cast<unsigned>(std::countr_zero(occupied))};
  }
  return std::nullopt;
}

/// The slot's digit stands for this tick and those after it, up to the next digit.
TimingWheel::Tick TimingWheel::first_tick(const Place& place) const {
  const auto shift = place.level * digit_bits;
  const auto above =
      place.level + 1 == levels ? 0 : now_ >> (shift + digit_bits) << (shift + digit_bits);
  return above | Tick{place.slot} << shift;
}

void TimingWheel::put(Timer& timer) {
  const auto tick = tick_of(timer);
  if (tick <= now_) {
    overdue_.push_back(timer);
    return;
  }
  const auto [level, slot] = place_of(tick);
  wheel_[level].occupied |= std::uint64_t{1} << slot;
  wheel_[level].lists[slot].push_back(timer);
}

/// Goes on to the slot's first tick, at which its deadlines are due or come down the levels. They
/// keep their order of arming: none was put below while others of its tick stood here.
void TimingWheel::open(const Place& place) {
  auto& level = wheel_[place.level];
  now_ = first_tick(place);
  level.occupied &= ~(std::uint64_t{1} << place.slot);
  List opened;
  opened.swap(level.lists[place.slot]);
  while (!opened.empty()) {
    auto& timer = opened.front();
    opened.pop_front();
    if (tick_of(timer) == now_) {
      due_.push_back(timer);
    } else {
      put(timer);
    }
  }
}

}  // namespace poetry::reactor
