#include "reload.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/error.hpp"

namespace poetry::server {

int Reload::readable() {
  if (process_ != ::getpid()) {
    done_ = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!done_) base::throw_errno("make", "an eventfd");
    process_ = ::getpid();
    static_cast<void>(thread_.release());  // a parent's, of which nothing can be destroyed here
  }
  return done_.get();
}

Reload::~Reload() {
  if (thread_) thread_->join();
}

void Reload::begin() {
  const int done = readable();
  again_ = is_reading();
  if (again_) return;
  const auto task = std::make_shared<std::packaged_task<Renewal()>>(read_);
  renewal_ = task->get_future();
  const auto read = [task, done] {
    (*task)();
    ::eventfd_write(done, 1);
  };
  try {
    thread_ = std::make_unique<std::thread>(read);
  } catch (const std::system_error&) {
    read();
  }
}

std::optional<Renewal> Reload::take() {
  eventfd_t count = 0;
  if (::eventfd_read(readable(), &count) < 0) return std::nullopt;
  if (thread_) thread_->join();
  thread_.reset();
  auto renewal = std::move(renewal_);
  if (std::exchange(again_, false)) begin();
  return renewal.get();
}

}  // namespace poetry::server
