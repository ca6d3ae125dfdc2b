#include "engine/wakeup.hpp"

#include <sys/eventfd.h>

#include <algorithm>

#include "base/error.hpp"

namespace poetry::engine {
namespace {

std::shared_ptr<base::Fd> make_eventfd() {
  auto made = std::make_shared<base::Fd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return *made ? made : nullptr;
}

}  // namespace

/// With one in reserve: where all threads wake in time, these two take turns, and no notification
/// needs a further descriptor.
Wakeup::Wakeup() : current_(make_eventfd()) {
  if (current_) spent_.push_back(make_eventfd());
  if (!current_ || !spent_.front()) base::throw_errno("make", "an eventfd");
}

std::shared_ptr<const base::Fd> Wakeup::descriptor() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool Wakeup::notify_all() {
  auto next = take_unused();
  if (!next) return false;
  {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
  }
  ::eventfd_write(next->get(), 1);
  spent_.push_back(std::move(next));
  return true;
}

void Wakeup::notify_for_good() { ::eventfd_write(current_->get(), 1); }

/// One that no thread has, nor can get any more.
std::shared_ptr<base::Fd> Wakeup::take_unused() {
  const auto unused = [](const auto& spent) { return spent.use_count() == 1; };
  const auto at = std::find_if(spent_.begin(), spent_.end(), unused);
  if (at == spent_.end()) return make_eventfd();
  auto taken = std::move(*at);
  spent_.erase(at);
  std::erase_if(spent_, unused);  // left over from a time when many were slow to wake
  eventfd_t count = 0;
  ::eventfd_read(taken->get(), &count);
  return taken;
}

}  // namespace poetry::engine
