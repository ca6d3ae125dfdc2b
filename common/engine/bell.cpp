#include "engine/bell.hpp"

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

/// With one in reserve: where all listeners wake in time, these two take turns, and a ring needs no
/// further descriptor.
Bell::Bell() : current_(make_eventfd()) {
  if (current_) spent_.push_back(make_eventfd());
  if (!current_ || !spent_.front()) base::throw_errno("make", "an eventfd");
}

std::shared_ptr<const base::Fd> Bell::listen() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

bool Bell::ring() {
  auto next = take_silent();
  if (!next) return false;
  {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
  }
  ::eventfd_write(next->get(), 1);
  spent_.push_back(std::move(next));
  return true;
}

void Bell::ring_for_good() { ::eventfd_write(current_->get(), 1); }

/// One that nobody listens to, nor can any more.
std::shared_ptr<base::Fd> Bell::take_silent() {
  const auto unused = [](const auto& spent) { return spent.use_count() == 1; };
  const auto at = std::find_if(spent_.begin(), spent_.end(), unused);
  if (at == spent_.end()) return make_eventfd();
  auto silent = std::move(*at);
  spent_.erase(at);
  std::erase_if(spent_, unused);  // left over from a time when many were slow to wake
  eventfd_t count = 0;
  ::eventfd_read(silent->get(), &count);
  return silent;
}

}  // namespace poetry::engine
