#include "reactor/timers.hpp"

namespace poetry {

Timers::~Timers() {
  for (const Entry& entry : heap_) entry.timer->slot_ = Timer::unarmed;
}

void Timers::arm(Timer& timer, TimePoint at) {
  const Entry entry{at, armings_, &timer};
  if (!timer.armed()) {
    heap_.push_back(entry);
    timer.slot_ = heap_.size() - 1;
  }
  const bool sooner = before(entry, heap_[timer.slot_]);
  ++armings_;
  timer.at_ = at;
  if (sooner || timer.slot_ + 1 == heap_.size()) {
    rise(timer.slot_, entry);
  } else {
    sink(timer.slot_, entry);
  }
}

void Timers::cancel(Timer& timer) {
  if (!timer.armed()) return;
  const std::size_t slot = timer.slot_;
  timer.slot_ = Timer::unarmed;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) return;
  if (slot > 0 && before(last, heap_[(slot - 1) / 2])) {
    rise(slot, last);
  } else {
    sink(slot, last);
  }
}

Timer* Timers::take_due(TimePoint now) {
  if (heap_.empty() || heap_.front().at > now) return nullptr;
  Timer* const timer = heap_.front().timer;
  cancel(*timer);
  return timer;
}

void Timers::place(std::size_t slot, const Entry& entry) {
  heap_[slot] = entry;
  entry.timer->slot_ = slot;
}

void Timers::rise(std::size_t slot, const Entry& entry) {
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, entry);
}

void Timers::sink(std::size_t slot, const Entry& entry) {
  for (;;) {
    std::size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, entry);
}

}  // namespace poetry
