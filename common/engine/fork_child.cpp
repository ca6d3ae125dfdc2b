#include "engine/fork_child.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "base/log.hpp"
#include "engine/blocking.hpp"

namespace poetry::engine {
namespace {

/// What a client sends is read in pieces of at most this size, on the child's stack.
constexpr std::size_t child_buffer = std::size_t{64} << 10U;

/// Every open descriptor is below this: FDSize, the places that the process has for them (proc(5)).
int end_of_descriptors() {
  std::ifstream status("/proc/self/status");
  for (std::string key, rest; status >> key; std::getline(status, rest)) {
    int places = 0;
    if (key == "FDSize:" && status >> places) return places;
  }
  return 0;
}

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
  const int end = end_of_descriptors();
  for (int fd = STDERR_FILENO + 1; fd < end; ++fd) {
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (fd == client || ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) continue;
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
