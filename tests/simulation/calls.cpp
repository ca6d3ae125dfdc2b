// The system calls of this program, in place of libc's: a descriptor of the simulated kernel, and
// every clock, thread, mutex and pause while a world runs, go there; all others to the real one. So
// the tools' code runs unchanged, down to net/ and the multiplexers. The functions bear their real
// names to the linker alone: libc's declarations say of some that they do not throw.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstring>
#include <utility>

#include "simulation/kernel.hpp"

// Declares simulated_NAME, which the linker knows as NAME.
#define CALL(result, name, ...)                        \
  extern "C" __attribute__((visibility("default")))    \
  result simulated_##name(__VA_ARGS__) __asm__(#name); \
  extern "C" result simulated_##name(__VA_ARGS__)

namespace poetry::simulation {
namespace {

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}
#define REAL(name)                                                         \
  (*[] {                                                                   \
    static const auto the_real = real<decltype(&simulated_##name)>(#name); \
    return the_real;                                                       \
  }())

/// The kernel, where a thread of its world runs.
Kernel* simulated() {
  auto* const kernel = Kernel::current();
  return kernel != nullptr && kernel->scheduler().current() != nullptr ? kernel : nullptr;
}

Kernel* simulated(int fd) {
  auto* const kernel = fd >= Kernel::first_descriptor ? simulated() : nullptr;
  if (kernel != nullptr) kernel->enter();
  return kernel;
}

template <typename Result>
Result told(Result result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

base::TimePoint until(const timespec* timeout) {
  if (timeout == nullptr) return base::never;
  return base::later(
      Kernel::current()->scheduler().now(),
      std::chrono::seconds(timeout->tv_sec) + std::chrono::nanoseconds(timeout->tv_nsec));
}

base::TimePoint until_millis(int timeout) {
  if (timeout < 0) return base::never;
  return Kernel::current()->scheduler().now() + std::chrono::milliseconds(timeout);
}

net::Address address_at(const sockaddr* address, socklen_t size) { return {address, size}; }

}  // namespace

CALL(int, socket, int domain, int type, int protocol) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(socket)(domain, type, protocol);
  kernel->enter();
  return told(kernel->make_socket((type & SOCK_NONBLOCK) == 0));
}

CALL(int, bind, int fd, const sockaddr* address, socklen_t size) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(bind)(fd, address, size)
                           : told(kernel->bind(fd, address_at(address, size)));
}

CALL(int, listen, int fd, int backlog) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(listen)(fd, backlog) : told(kernel->listen(fd, backlog));
}

CALL(int, accept4, int fd, sockaddr* address, socklen_t* size, int flags) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(accept4)(fd, address, size, flags);
  net::Address peer;
  const int result = kernel->accept(fd, (flags & SOCK_NONBLOCK) == 0, peer);
  if (result >= 0) std::memcpy(address, peer.data(), std::min(*size, peer.size()));
  return told(result);
}

CALL(int, connect, int fd, const sockaddr* address, socklen_t size) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(connect)(fd, address, size)
                           : told(kernel->connect(fd, address_at(address, size)));
}

CALL(int, getsockname, int fd, sockaddr* address, socklen_t* size) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(getsockname)(fd, address, size);
  auto bound = net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0);
  bound.set_port(kernel->socket(fd)->port);
  std::memcpy(address, bound.data(), std::min(*size, bound.size()));
  return 0;
}

CALL(long, send, int fd, const void* bytes, std::size_t size, int flags) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(send)(fd, bytes, size, flags);
  return told(kernel->send(fd, {static_cast<const char*>(bytes), size}));
}

CALL(long, recv, int fd, void* room, std::size_t size, int flags) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(recv)(fd, room, size, flags);
  return told(kernel->receive(fd, {static_cast<char*>(room), size}));
}

CALL(long, __recv_chk, int fd, void* room, std::size_t size, std::size_t, int flags) {
  return simulated_recv(fd, room, size, flags);
}

CALL(int, shutdown, int fd, int how) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(shutdown)(fd, how) : told(kernel->shut_down(fd, how));
}

CALL(int, close, int fd) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(close)(fd) : told(kernel->close(fd));
}

CALL(long, read, int fd, void* into, std::size_t size) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(read)(fd, into, size) : told(kernel->read(fd, into, size));
}

CALL(long, __read_chk, int fd, void* into, std::size_t size, std::size_t) {
  return simulated_read(fd, into, size);
}

CALL(long, write, int fd, const void* from, std::size_t size) {
  auto* const kernel = simulated(fd);
  return kernel == nullptr ? REAL(write)(fd, from, size) : told(kernel->write(fd, from, size));
}

CALL(int, setsockopt, int fd, int level, int name, const void* value, socklen_t size) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(setsockopt)(fd, level, name, value, size);
  auto* const socket = kernel->socket(fd);
  if (level != SOL_SOCKET) return 0;
  if (name == SO_LINGER) socket->resets = static_cast<const linger*>(value)->l_onoff != 0;
  if (name == SO_RCVTIMEO || name == SO_SNDTIMEO) {
    const auto& time = *static_cast<const timeval*>(value);
    auto& limit = name == SO_RCVTIMEO ? socket->receive_limit : socket->send_limit;
    limit = time.tv_sec > 1'000'000'000
                ? base::Duration{}
                : std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  }
  return 0;
}

CALL(int, getsockopt, int fd, int level, int name, void* value, socklen_t* size) {
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(getsockopt)(fd, level, name, value, size);
  std::memset(value, 0, *size);
  if (level == IPPROTO_TCP && name == TCP_INFO)
    *static_cast<std::uint8_t*>(value) = static_cast<std::uint8_t>(kernel->tcp_state(fd));
  if (level == SOL_SOCKET && name == SO_ERROR) *static_cast<int*>(value) = kernel->take_error(fd);
  return 0;
}

CALL(int, ioctl, int fd, unsigned long request, ...) {
  std::va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  auto* const kernel = simulated(fd);
  if (kernel == nullptr) return REAL(ioctl)(fd, request, argument);
  auto* const socket = kernel->socket(fd);
  if (request == FIONBIO) socket->blocking = *static_cast<int*>(argument) == 0;
  if (request == SIOCOUTQ)
    *static_cast<int*>(argument) = static_cast<int>(socket->end->unacknowledged);
  return 0;
}

CALL(int, eventfd, unsigned count, int flags) {
  auto* const kernel = simulated();
  return kernel == nullptr ? REAL(eventfd)(count, flags)
                           : told(kernel->make_counter((flags & O_NONBLOCK) == 0));
}

CALL(int, eventfd_write, int fd, std::uint64_t value) {
  return simulated_write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

CALL(int, eventfd_read, int fd, std::uint64_t* value) {
  return simulated_read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

CALL(int, signalfd, int fd, const sigset_t* mask, int flags) {
  auto* const kernel = simulated();
  return kernel == nullptr ? REAL(signalfd)(fd, mask, flags) : told(kernel->make_signal_queue());
}

CALL(int, ppoll, pollfd* asked, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(ppoll)(asked, count, timeout, mask);
  kernel->enter();
  return told(kernel->poll({asked, count}, until(timeout), mask != nullptr));
}

CALL(int, __ppoll_chk, pollfd* asked, nfds_t count, const timespec* timeout, const sigset_t* mask,
     std::size_t) {
  return simulated_ppoll(asked, count, timeout, mask);
}

CALL(int, poll, pollfd* asked, nfds_t count, int timeout) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(poll)(asked, count, timeout);
  kernel->enter();
  return told(kernel->poll({asked, count}, until_millis(timeout), false));
}

CALL(int, __poll_chk, pollfd* asked, nfds_t count, int timeout, std::size_t) {
  return simulated_poll(asked, count, timeout);
}

CALL(int, select, int count, unsigned long* readable, unsigned long* writable, void*,
     const timeval* timeout) {
  constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(select)(count, readable, writable, nullptr, timeout);
  kernel->enter();
  std::vector<pollfd> asked;
  for (int fd = 0; fd < count; ++fd) {
    const auto bit = 1UL << (fd % bits);
    const int events = ((readable[fd / bits] & bit) != 0 ? POLLIN : 0) |
                       ((writable[fd / bits] & bit) != 0 ? POLLOUT : 0);
    readable[fd / bits] &= ~bit;
    writable[fd / bits] &= ~bit;
    if (events != 0) asked.push_back({fd, static_cast<short>(events), 0});
  }
  const auto limit =
      timeout == nullptr ? timespec{} : timespec{timeout->tv_sec, timeout->tv_usec * 1000};
  kernel->poll(asked, until(timeout == nullptr ? nullptr : &limit), false);
  int found = 0;
  for (const auto& each : asked) {
    const auto bit = 1UL << (each.fd % bits);
    const auto set = [&](unsigned long* bitmap, int asked_for, int told_as) {
      if ((each.events & asked_for) == 0 || (each.revents & told_as) == 0) return;
      bitmap[each.fd / bits] |= bit;
      ++found;
    };
    set(readable, POLLIN, POLLIN | POLLHUP | POLLERR);
    set(writable, POLLOUT, POLLOUT | POLLERR);
  }
  return found;
}

CALL(int, epoll_create1, int flags) {
  auto* const kernel = simulated();
  return kernel == nullptr ? REAL(epoll_create1)(flags) : told(kernel->make_epoll());
}

CALL(int, epoll_ctl, int set, int how, int fd, const epoll_event* event) {
  auto* const kernel = simulated(set);
  return kernel == nullptr ? REAL(epoll_ctl)(set, how, fd, event)
                           : told(kernel->control_epoll(set, how, fd, event));
}

CALL(int, epoll_pwait2, int set, epoll_event* found, int room, const timespec* timeout,
     const sigset_t* mask) {
  auto* const kernel = simulated(set);
  if (kernel == nullptr) return REAL(epoll_pwait2)(set, found, room, timeout, mask);
  return told(kernel->wait_epoll(set, {found, static_cast<std::size_t>(room)}, until(timeout)));
}

CALL(int, epoll_wait, int set, epoll_event* found, int room, int timeout) {
  auto* const kernel = simulated(set);
  if (kernel == nullptr) return REAL(epoll_wait)(set, found, room, timeout);
  return told(
      kernel->wait_epoll(set, {found, static_cast<std::size_t>(room)}, until_millis(timeout)));
}

CALL(int, clock_gettime, clockid_t clock, timespec* time) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(clock_gettime)(clock, time);
  const auto now = kernel->scheduler().now().time_since_epoch().count();
  *time = {now / 1'000'000'000, now % 1'000'000'000};
  return 0;
}

CALL(int, nanosleep, const timespec* time, timespec* left) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(nanosleep)(time, left);
  kernel->scheduler().wait(until(time), [] { return false; });
  return 0;
}

CALL(int, sched_yield) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(sched_yield)();
  kernel->scheduler().yield();
  return 0;
}

CALL(int, pthread_create, pthread_t* made, const pthread_attr_t* attributes, void* (*body)(void*),
     void* argument) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(pthread_create)(made, attributes, body, argument);
  auto& scheduler = kernel->scheduler();
  *made = scheduler.spawn(scheduler.current()->process, [body, argument] { body(argument); });
  return 0;
}

CALL(int, pthread_join, pthread_t thread, void** result) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(pthread_join)(thread, result);
  const auto& fiber = kernel->scheduler().fiber(thread);
  kernel->scheduler().wait(base::never, [&] { return fiber.state == Fiber::State::over; });
  return 0;
}

CALL(int, pthread_detach, pthread_t thread) {
  return simulated() == nullptr ? REAL(pthread_detach)(thread) : 0;
}

CALL(int, pthread_kill, pthread_t thread, int signal) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(pthread_kill)(thread, signal);
  auto& fiber = kernel->scheduler().fiber(thread);
  fiber.signalled = true;
  kernel->scheduler().touch(fiber.process);
  return 0;
}

CALL(int, pthread_sigmask, int how, const sigset_t* set, sigset_t* before) {
  return simulated() == nullptr ? REAL(pthread_sigmask)(how, set, before) : 0;
}

// Whether a mutex is held stands in its first word, as with glibc's own; nobody else looks at it
// while a world runs.
CALL(int, pthread_mutex_lock, pthread_mutex_t* mutex) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(pthread_mutex_lock)(mutex);
  int& held = *reinterpret_cast<int*>(mutex);
  kernel->scheduler().wait(base::never, [&] { return held == 0; });
  held = 1;
  return 0;
}

CALL(int, pthread_mutex_unlock, pthread_mutex_t* mutex) {
  auto* const kernel = simulated();
  if (kernel == nullptr) return REAL(pthread_mutex_unlock)(mutex);
  *reinterpret_cast<int*>(mutex) = 0;
  kernel->scheduler().touch(kernel->scheduler().current()->process);
  return 0;
}

CALL(long, syscall, long number, long a, long b, long c, long d, long e, long f) {
  auto* const kernel = simulated();
  if (kernel == nullptr || number != SYS_futex) return REAL(syscall)(number, a, b, c, d, e, f);
  const auto* const word = reinterpret_cast<const volatile int*>(a);
  if ((b & FUTEX_CMD_MASK) == FUTEX_WAIT) {
    kernel->scheduler().wait(base::never, [&] { return *word != static_cast<int>(c); });
  } else {
    kernel->scheduler().touch(kernel->scheduler().current()->process);
  }
  return 0;
}

}  // namespace poetry::simulation
