#include "control_socket.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/log.hpp"

namespace poetry::server {
namespace {

/// Further ones wait in the backlog.
constexpr std::size_t max_clients = 16;
constexpr int waiting_clients = 64;
/// Far more than any line needs; a worker gets it in one piece, too.
constexpr std::size_t max_line = 4000;
constexpr std::string_view too_long = "a line has at most 4000 bytes";

base::Fd make_socket() {
  constexpr int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  return base::opened(::socket(AF_UNIX, type, 0), "make", "a control socket");
}

/// Calls bind(2) or connect(2).
template <typename Call>
bool succeeds(Call call, const base::Fd& socket, const sockaddr_un& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface's own cast
  return call(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

base::Fd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw base::UsageError(
        "a socket's path has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes",
        path);
  }
  std::ranges::copy(path, address.sun_path);
  auto socket = make_socket();
  ::fchmod(socket.get(), S_IRUSR | S_IWUSR);  // before the bind, which takes it over
  if (!succeeds(::bind, socket, address)) {
    const int error = errno;
    struct stat found {};
    const bool is_socket = ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
    // Nobody listens there any more, as after a kill.
    const bool is_left_over = error == EADDRINUSE && is_socket &&
                              !succeeds(::connect, make_socket(), address) && errno == ECONNREFUSED;
    if (is_left_over) ::unlink(path.c_str());
    if (error != EADDRINUSE || !succeeds(::bind, socket, address))
      base::throw_errno("control by", path);
  }
  if (::listen(socket.get(), waiting_clients) < 0) base::throw_errno("listen at", path);
  return socket;
}

}  // namespace

ControlSocket::ControlSocket(const std::string& path)
    : file_(path),
      events_(base::opened(::epoll_create1(EPOLL_CLOEXEC), "make", "an epoll descriptor")) {
  listener_ = listen_at(path);
  file_.claim();
  keep_spare();
  epoll_event event{EPOLLIN, {}};
  ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
}

void ControlSocket::keep_spare() {
  if (!spare_) spare_ = base::Fd(::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
}

/// There are few clients, so that all of them are looked at.
void ControlSocket::serve(const Answer& answer) {
  if (asking_ != nullptr) proceed(*asking_, answer);
  for (auto& client : clients_) proceed(client, answer);
  std::erase_if(clients_, [](const Client& client) { return client.lost; });
  keep_spare();
  const bool all = accept_clients();
  // Otherwise the end of one of them is waited for.
  epoll_event event{all && clients_.size() < max_clients ? EPOLLIN : 0U, {}};
  ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
}

bool ControlSocket::accept_clients() {
  while (clients_.size() < max_clients) {
    base::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      auto& client = clients_.emplace_back();
      client.socket = std::move(socket);
      watch(client);
    } else if (errno != EAGAIN && spare_) {  // accept(2) looks for a descriptor first of all
      spare_.reset();
    } else {
      const bool all = errno == EAGAIN;
      keep_spare();
      return all;
    }
  }
  return true;
}

/// A line at most, so that a client who floods starves nobody.
void ControlSocket::proceed(Client& client, const Answer& answer) {
  send(client);
  if (client.unsent.empty() && !client.lost && !client.has_line()) receive(client);
  if (client.has_line() && client.unsent.empty() && (asking_ == nullptr || asking_ == &client))
    reply(client, answer);
  watch(client);
}

void ControlSocket::receive(Client& client) {
  if (client.half_closed) {
    client.lost = true;
    return;
  }
  std::array<char, max_line + 1> bytes;
  const auto count = ::recv(client.socket.get(), bytes.data(), bytes.size(), 0);
  if (count < 0) {
    client.lost = errno != EAGAIN && errno != EINTR;
    return;
  }
  client.received.append(bytes.data(), static_cast<std::size_t>(count));
  client.half_closed = count == 0;
  if (count == 0 && !client.received.empty())
    client.received += '\n';  // one without it is one, too
  if (client.has_line() || client.received.size() <= max_line) return;
  base::log_warn("a control connection is closed: {}", too_long);
  client.unsent = std::string("error: ").append(too_long).append("\n");
  send(client);
  client.lost = true;
}

void ControlSocket::reply(Client& client, const Answer& answer) {
  const auto end = client.received.find('\n');
  auto line = std::string_view(client.received).substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  asking_ = &client;
  auto text = answer(line);
  if (!text) return;
  asking_ = nullptr;
  client.received.erase(0, end + 1);
  client.unsent = std::move(*text) + "\n";
  send(client);
}

void ControlSocket::send(Client& client) {
  while (!client.unsent.empty()) {
    const auto count =
        ::send(client.socket.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (count < 0) {
      client.lost = errno != EAGAIN && errno != EINTR;
      return;
    }
    client.unsent.erase(0, static_cast<std::size_t>(count));
  }
}

/// For nothing, as long as its line has no reply: even that it has gone would wake the loop again
/// and again. Where it has another line, it gets its next turn at once.
void ControlSocket::watch(Client& client) {
  const bool waits = asking_ != nullptr && client.has_line() && client.unsent.empty();
  const bool goes_on = client.has_line() || !client.unsent.empty();
  const std::uint32_t wanted = waits ? 0U : goes_on ? EPOLLOUT : EPOLLIN;
  if (client.lost || wanted == client.watched) return;
  epoll_event event{wanted, {}};
  const int operation = client.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  ::epoll_ctl(events_.get(), wanted == 0 ? EPOLL_CTL_DEL : operation, client.socket.get(), &event);
  client.watched = wanted;
}

}  // namespace poetry::server
