#include "simulation/kernel.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace poetry::simulation {
namespace {

Kernel* the_kernel = nullptr;

constexpr unsigned readable = POLLIN;
constexpr unsigned writable = POLLOUT;

}  // namespace

unsigned Counter::events() const { return (count > 0 ? readable : 0U) | writable; }
unsigned SignalQueue::events() const { return signals.empty() ? 0U : readable; }

Kernel::Kernel(Scheduler& scheduler, Routing routing)
    : scheduler_(scheduler), routing_(std::move(routing)) {
  the_kernel = this;
}

Kernel::~Kernel() { the_kernel = nullptr; }

Kernel* Kernel::current() { return the_kernel; }

void Kernel::enter() { scheduler_.spend(cost_); }

int Kernel::install(std::unique_ptr<Object> object) {
  auto& used = used_[object->process];
  const auto limit = limits_.find(object->process);
  if (limit != limits_.end() && used >= limit->second) return -EMFILE;
  ++used;
  std::size_t at = 0;
  while (at < objects_.size() && objects_[at]) ++at;
  if (at == objects_.size()) objects_.emplace_back();
  objects_[at] = std::move(object);
  return first_descriptor + static_cast<int>(at);
}

Object* Kernel::object(int fd) {
  const auto at = static_cast<std::size_t>(fd - first_descriptor);
  return fd >= first_descriptor && at < objects_.size() ? objects_[at].get() : nullptr;
}

Socket* Kernel::socket(int fd) { return dynamic_cast<Socket*>(object(fd)); }

int Kernel::make_counter(bool blocking) {
  auto made = std::make_unique<Counter>(process());
  made->blocking = blocking;
  return install(std::move(made));
}

int Kernel::make_signal_queue() { return install(std::make_unique<SignalQueue>(process())); }

void Kernel::signal(Process process, int number) {
  for (const auto& each : objects_) {
    auto* const queue = dynamic_cast<SignalQueue*>(each.get());
    if (queue == nullptr || queue->process != process) continue;
    if (std::ranges::find(queue->signals, number) == queue->signals.end())
      queue->signals.push_back(number);
  }
  scheduler_.touch(process);
}

long Kernel::read(int fd, void* into, std::size_t size) {
  auto* const found = object(fd);
  if (auto* const queue = dynamic_cast<SignalQueue*>(found)) {
    if (queue->signals.empty()) return -EAGAIN;
    signalfd_siginfo info{};
    info.ssi_signo = static_cast<std::uint32_t>(queue->signals.front());
    queue->signals.pop_front();
    std::memcpy(into, &info, std::min(size, sizeof info));
    return sizeof info;
  }
  if (auto* const counter = dynamic_cast<Counter*>(found)) {
    if (counter->count == 0 && !counter->blocking) return -EAGAIN;
    scheduler_.wait(base::never, [&] { return counter->count > 0; });
    std::memcpy(into, &counter->count, sizeof counter->count);
    counter->count = 0;
    return sizeof counter->count;
  }
  return found == nullptr ? -EBADF : -EINVAL;
}

long Kernel::write(int fd, const void* from, std::size_t size) {
  auto* const counter = dynamic_cast<Counter*>(object(fd));
  if (counter == nullptr || size != sizeof counter->count) return -EBADF;
  std::uint64_t more = 0;
  std::memcpy(&more, from, sizeof more);
  counter->count += more;
  scheduler_.touch(counter->process);
  return static_cast<long>(size);
}

int Kernel::close(int fd) {
  auto* const found = object(fd);
  if (found == nullptr) return -EBADF;
  --used_[found->process];
  scheduler_.touch(found->process);
  for (auto* const set : sets_) set->watched.erase(fd);
  if (auto* const set = dynamic_cast<EpollSet*>(found)) sets_.erase(set);
  auto* const socket = dynamic_cast<Socket*>(found);
  if (socket != nullptr && socket->listener) {
    listeners_.erase(socket->listener->port);
    for (auto* const link : socket->listener->queue) send_reset(link->server, true);
  }
  if (socket != nullptr && socket->end != nullptr) {
    End& end = *socket->end;
    end.socket = nullptr;
    end.closed = true;
    if (&end == &end.link->client) socket->end->link->closed = scheduler_.now();
    if (socket->resets || end.received.size() > end.read) {
      send_reset(end, socket->end->link->path.overtaking);
    } else {
      end.fin_wanted = true;
      pump(end);
    }
  }
  objects_[static_cast<std::size_t>(fd - first_descriptor)].reset();
  return 0;
}

int Kernel::poll(std::span<pollfd> asked, base::TimePoint until, bool interruptible) {
  auto& self = *scheduler_.current();
  int count = 0;
  const auto look = [&] {
    count = 0;
    for (auto& each : asked) {
      each.revents = 0;
      if (each.fd < 0) continue;
      const auto* const found = object(each.fd);
      const unsigned wanted = static_cast<unsigned short>(each.events) | POLLERR | POLLHUP;
      const unsigned holding = found == nullptr ? POLLNVAL : found->events() & wanted;
      each.revents = static_cast<short>(holding);
      if (holding != 0) ++count;
    }
    return count > 0 || (interruptible && self.signalled);
  };
  scheduler_.wait(until, look);
  if (count == 0 && interruptible && std::exchange(self.signalled, false)) return -EINTR;
  return count;
}

int Kernel::make_epoll() {
  auto made = std::make_unique<EpollSet>(process());
  auto* const set = made.get();
  const int fd = install(std::move(made));
  if (fd >= 0) sets_.insert(set);
  return fd;
}

int Kernel::control_epoll(int set, int how, int fd, const epoll_event* event) {
  auto* const epoll = dynamic_cast<EpollSet*>(object(set));
  auto* const watched = object(fd);
  if (epoll == nullptr || watched == nullptr) return -EBADF;
  const bool there = epoll->watched.contains(fd);
  if (how == EPOLL_CTL_ADD && there) return -EEXIST;
  if (how != EPOLL_CTL_ADD && !there) return -ENOENT;
  if (how == EPOLL_CTL_DEL) {
    epoll->watched.erase(fd);
  } else {
    epoll->watched[fd] = {watched, *event};
  }
  return 0;
}

int Kernel::wait_epoll(int set, std::span<epoll_event> found, base::TimePoint until) {
  auto* const epoll = dynamic_cast<EpollSet*>(object(set));
  if (epoll == nullptr) return -EBADF;
  std::size_t count = 0;
  scheduler_.wait(until, [&] {
    count = 0;
    for (const auto& [fd, watched] : epoll->watched) {
      const auto holding = watched.object->events() & (watched.event.events | EPOLLERR | EPOLLHUP);
      if (holding == 0) continue;
      found[count] = watched.event;
      found[count].events = holding;
      if (++count == found.size()) break;
    }
    return count > 0;
  });
  return static_cast<int>(count);
}

}  // namespace poetry::simulation
