#include "engine/fork_child.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "base/log.hpp"
#include "engine/blocking.hpp"
#include "net/descriptor_limit.hpp"

namespace poetry::engine {
namespace {

/// What a client sends is read in pieces of at most this size, on the child's stack.
constexpr std::size_t child_buffer = std::size_t{64} << 10U;

/// The parent, and the service, which has its news here.
struct Parent : Outside {
  Parent(int channel, session::Service& its_service) : service(its_service) {
    descriptors[0].fd = channel;
    refresh(base::Clock::now());
  }
  Notice take(base::TimePoint now) override {
    auto notice = Notice::nothing;
    if (descriptors[0].revents != 0) notice = hear();
    if (descriptors[1].revents != 0 || until <= now) notice = std::max(notice, refresh(now));
    return notice;
  }
  Notice hear();
  Notice refresh(base::TimePoint now);

  session::Service& service;
};

Notice Parent::hear() {
  char message = 0;
  const auto count = ::recv(descriptors[0].fd, &message, 1, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Notice::nothing;
  if (count <= 0) return Notice::stop;
  try {
    service.drain();
  } catch (const std::exception& error) {
    base::log_error("{}", error.what());
  }
  return Notice::news;
}

Notice Parent::refresh(base::TimePoint now) {
  try {
    const auto found = service.refresh(now);
    until = found.again;
    descriptors[1].fd = found.readable;
    return found.news ? Notice::news : Notice::nothing;
  } catch (const std::exception& error) {
    base::log_error("{}", error.what());
    until = base::later(now, refresh_retry);
    return Notice::nothing;
  }
}

}  // namespace

void keep_one_connection(int client) {
  for (const int fd : net::open_descriptors()) {
    if (fd <= STDERR_FILENO || fd == client) continue;
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) continue;
    if (family == AF_INET || family == AF_INET6) const base::Fd closed(fd);
  }
}

Report serve_as_child(AcceptedSocket& accepted, const Port& port, int channel) {
  accepted.peer.process = ::getpid();
  Parent parent(channel, *port.service);
  Connection connection(std::move(accepted), port);
  std::array<char, child_buffer> buffer;  // not cleared, which would touch all of its pages
  run_blocking(connection, parent, buffer);
  connection.close();
  const auto ended = connection.ended(base::Clock::now());
  return {ended.bytes, ended.elapsed, ended.reason};
}

}  // namespace poetry::engine
