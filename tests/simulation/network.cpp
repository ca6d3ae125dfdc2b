// The sockets of the simulated kernel, and what lies between them.
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "simulation/kernel.hpp"

namespace poetry::simulation {
namespace {

constexpr auto first_retransmission = std::chrono::seconds(1);  // RFC 6298, section 2
constexpr unsigned most_retransmissions = 6;                    // tcp_syn_retries, tcp(7)
constexpr std::uint64_t longest_segment = 16384;

bool is_gone(const End& end) { return end.reset || end.refused; }

std::size_t window_left(const End& from) {
  const End& to = *from.peer;
  const auto taken = to.received.size() - to.read + from.wire.size();
  const auto window = from.link->path.window;
  return taken < window ? window - taken : 0;
}

}  // namespace

unsigned Socket::events() const {
  if (listener) return listener->queue.empty() ? 0U : POLLIN;
  if (end == nullptr) return POLLOUT | POLLHUP;
  const bool gone = is_gone(*end);
  if (!end->open && !gone) return 0;
  const bool input = end->received.size() > end->read || end->fin_received || end->deaf || gone;
  const auto buffer = end->link->path.buffer;
  unsigned found = input ? POLLIN : 0;
  const bool room = end->unacknowledged < buffer && end->unacknowledged <= buffer - buffer / 3;
  if (room || gone || end->fin_wanted) found |= POLLOUT;
  if (end->error != 0) found |= POLLERR;
  if (gone || (end->fin_received && end->fin_wanted)) found |= POLLHUP;
  return found;
}

void Kernel::touch(const End& end) {
  if (end.socket != nullptr) scheduler_.touch(end.socket->process);
}

int Kernel::tell_error(End& end) {
  end.told_error = end.error;
  return -std::exchange(end.error, 0);
}

int Kernel::make_socket(bool blocking) {
  auto made = std::make_unique<Socket>(process());
  made->blocking = blocking;
  return install(std::move(made));
}

int Kernel::bind(int fd, const net::Address& address) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  it->port = address.port() != 0 ? address.port() : next_port_++;
  return listeners_.contains(it->port) ? -EADDRINUSE : 0;
}

int Kernel::listen(int fd, int backlog) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  it->listener.emplace(Listener{it->port, static_cast<std::size_t>(backlog), {}, 0});
  listeners_[it->port] = it;
  return 0;
}

Socket* Kernel::listener_at(std::uint16_t port) {
  const auto found = listeners_.find(port);
  return found == listeners_.end() ? nullptr : found->second;
}

int Kernel::accept(int fd, bool blocking, net::Address& peer) {
  auto* const it = socket(fd);
  if (it == nullptr || !it->listener) return -EINVAL;
  auto& queue = it->listener->queue;
  auto made = std::make_unique<Socket>(it->process);
  auto& socket = *made;
  const int taken = install(std::move(made));
  if (taken < 0) return queue.empty() && taken != -EMFILE ? -EAGAIN : taken;
  if (queue.empty()) {
    close(taken);
    return -EAGAIN;
  }
  Link& link = *queue.front();
  queue.pop_front();
  if (link.server.reset && scheduler_.draw().one_in(2)) {
    close(taken);
    return -ECONNABORTED;
  }
  socket.blocking = blocking;
  socket.end = &link.server;
  link.server.socket = &socket;
  link.accepted_as = ++it->listener->accepted;
  static const auto from = net::resolve_numeric({"127.0.0.1", 0}).addresses.at(0);
  peer = from;
  peer.set_port(next_port_++);
  return taken;
}

int Kernel::connect(int fd, const net::Address& address) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  const bool again = it->end != nullptr;
  if (!again) {
    Link& link = links_.emplace_back();
    link.path = routing_(address);
    link.to = address;
    link.client_process = process();
    link.begun = scheduler_.now();
    link.client.link = link.server.link = &link;
    link.client.peer = &link.server;
    link.server.peer = &link.client;
    link.client.socket = it;
    it->end = &link.client;
    if (link.path.fate == Path::Fate::unreachable) {
      link.client.refused = true;
      link.client.error = ENETUNREACH;
      return tell_error(link.client);
    }
    knock(link, 0);
    scheduler_.happen();
  }
  End& end = *it->end;
  if (it->blocking) {
    const auto limit = it->send_limit;
    const auto until = limit == base::Duration{} ? base::never : scheduler_.now() + limit;
    scheduler_.wait(until, [&] { return end.open || is_gone(end); });
    if (end.open) return 0;
    if (is_gone(end)) return end.error != 0 ? tell_error(end) : -ECONNABORTED;
  } else if (again && end.open) {
    return -EISCONN;
  }
  return again ? -EALREADY : -EINPROGRESS;
}

/// The client's SYN sets out.
void Kernel::knock(Link& link, unsigned attempt) {
  const auto again = [this, &link, attempt] {
    if (attempt < most_retransmissions) return knock(link, attempt + 1);
    answer(link, ETIMEDOUT);
  };
  const auto later = scheduler_.now() + first_retransmission * (1U << attempt);
  const bool lost = attempt < link.path.lost_handshakes || link.path.fate == Path::Fate::silent;
  if (link.client.closed || is_gone(link.client)) return;
  if (lost) return scheduler_.at(later, again);
  scheduler_.at(across(link), [this, &link, later, again] {
    const auto* const listener = listener_at(link.to.port());
    if (listener == nullptr || link.path.fate == Path::Fate::refused) {
      scheduler_.at(across(link), [this, &link] { answer(link, ECONNREFUSED); });
    } else if (listener->listener->queue.size() > listener->listener->backlog) {
      scheduler_.at(later, again);
    } else {
      scheduler_.at(across(link), [this, &link] { establish(link); });
    }
  });
}

/// What a client that is not connected is told in place of it.
void Kernel::answer(Link& link, int error) {
  if (link.client.closed || is_gone(link.client)) return;
  link.client.refused = true;
  link.client.error = error;
  touch(link.client);
}

void Kernel::establish(Link& link) {
  if (link.client.closed || is_gone(link.client)) return;
  link.client.open = link.server.open = true;
  link.connected = link.client.last_progress = scheduler_.now();
  touch(link.client);
  scheduler_.at(across(link), [this, &link] { enqueue(link); });
  if (link.path.breaks_after != base::Duration::max())
    scheduler_.at(scheduler_.now() + link.path.breaks_after, [this, &link] { break_up(link); });
}

void Kernel::enqueue(Link& link) {
  auto* const listener = listener_at(link.to.port());
  if (listener == nullptr) return send_reset(link.server, true);
  listener->listener->queue.push_back(&link);
  scheduler_.touch(listener->process);
}

/// Somebody between them resets both ends.
void Kernel::break_up(Link& link) {
  reset(link.client);
  reset(link.server);
}

long Kernel::send(int fd, std::string_view bytes) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  if (it->end == nullptr) return -EPIPE;
  End& end = *it->end;
  const auto limit = it->send_limit;
  const auto until = limit == base::Duration{} ? base::never : scheduler_.now() + limit;
  std::size_t taken = 0;
  for (;;) {
    if (taken > 0 && end.error != 0) break;  // the next call tells it
    const long some = send_some(end, bytes.substr(taken));
    if (some > 0) taken += static_cast<std::size_t>(some);
    if (taken == 0 && (!it->blocking || some != -EAGAIN)) return some;
    if (!it->blocking || taken == bytes.size() || (some < 0 && some != -EAGAIN)) break;
    const bool room = scheduler_.wait(until, [&] {
      return is_gone(end) || end.fin_wanted || end.unacknowledged < end.link->path.buffer;
    });
    if (!room && taken == 0) return -EAGAIN;
    if (!room) break;
  }
  end.last_progress = scheduler_.now();
  return static_cast<long>(taken);
}

long Kernel::send_some(End& end, std::string_view bytes) {
  if (end.error != 0) return tell_error(end);
  if (is_gone(end) || end.fin_wanted) return -EPIPE;
  const auto buffer = end.link->path.buffer;
  if (!end.open || end.unacknowledged >= buffer) return -EAGAIN;
  auto size = std::min(bytes.size(), buffer - end.unacknowledged);
  if (scheduler_.draw().one_in(4)) size = scheduler_.draw().between(1, size);
  end.unsent += bytes.substr(0, size);
  end.unacknowledged += size;
  end.bytes_sent += size;
  pump(end);
  return static_cast<long>(size);
}

/// Sends what the peer has a window for.
void Kernel::pump(End& from) {
  if (from.reset) return;
  Link& link = *from.link;
  std::size_t gone = 0;
  for (auto window = window_left(from); gone < from.unsent.size() && window > 0;) {
    const auto most = std::min({from.unsent.size() - gone, window, std::size_t{longest_segment}});
    const auto size = scheduler_.draw().one_in(4) ? scheduler_.draw().between(1, most) : most;
    from.wire.append(from.unsent, gone, size);
    gone += size;
    window -= size;
    from.last_arrival = std::max(from.last_arrival, across(link)) +
                        link.path.per_byte * static_cast<base::Duration::rep>(size);
    scheduler_.at(from.last_arrival, [this, &from, size] { arrive(*from.peer, size); });
  }
  from.unsent.erase(0, gone);
  if (!from.unsent.empty() || !from.fin_wanted || from.fin_sent) return;
  from.fin_sent = true;
  from.last_arrival = std::max(from.last_arrival, across(link));
  scheduler_.at(from.last_arrival, [this, &from] { end_stream(*from.peer); });
}

void Kernel::arrive(End& to, std::size_t size) {
  End& from = *to.peer;
  if (!to.reset && !to.closed) {
    if (to.read == to.received.size()) to.unread_since = scheduler_.now();
    to.received.append(from.wire, 0, size);
    touch(to);
    scheduler_.at(across(*to.link), [this, &from, size] { acknowledge(from, size); });
  } else if (to.closed && !to.reset) {  // nobody reads it
    send_reset(to, false);
  }
  from.wire.erase(0, size);
}

void Kernel::acknowledge(End& from, std::size_t size) {
  if (from.reset) return;
  from.unacknowledged -= size;
  touch(from);
  pump(from);
}

void Kernel::end_stream(End& to) {
  if (to.reset) return;
  to.fin_received = true;
  touch(to);
}

void Kernel::send_reset(End& from, bool at_once) {
  if (from.reset) return;
  from.reset = true;
  from.open = false;
  from.unsent.clear();
  const auto latency = static_cast<std::uint64_t>(from.link->path.latency.count());
  const auto sooner = base::Duration(scheduler_.draw().below(latency + 1));
  const auto when =
      at_once ? scheduler_.now() + sooner : std::max(from.last_arrival, across(*from.link));
  scheduler_.at(when, [this, &from] { reset(*from.peer); });
}

/// A reset arrives. What was received before can still be read.
void Kernel::reset(End& end) {
  if (end.reset) return;
  end.reset = true;
  end.open = false;
  end.unsent.clear();
  end.unacknowledged = 0;
  if (!end.closed) end.error = end.fin_received ? EPIPE : ECONNRESET;
  touch(end);
}

long Kernel::receive(int fd, std::span<char> room) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  if (it->end == nullptr) return -ENOTCONN;
  End& end = *it->end;
  const auto there = [&] {
    return end.received.size() > end.read || end.fin_received || end.deaf || is_gone(end);
  };
  if (it->blocking) {
    const auto limit = it->receive_limit;
    scheduler_.wait(limit == base::Duration{} ? base::never : scheduler_.now() + limit, there);
  }
  auto size = std::min(room.size(), end.received.size() - end.read);
  if (size == 0) {
    if (!there()) return -EAGAIN;
    if (end.error != 0 && !end.fin_received) return tell_error(end);
    end.told_end = true;
    return 0;
  }
  if (scheduler_.draw().one_in(8)) size = scheduler_.draw().between(1, size);
  end.received.copy(room.data(), size, end.read);
  end.read += size;
  end.bytes_read += size;
  end.last_progress = scheduler_.now();
  if (end.read == end.received.size()) {
    end.received.clear();
    end.read = 0;
  }
  if (!end.peer->unsent.empty() || end.peer->wire.size() > 0)
    scheduler_.at(across(*end.link), [this, &end] { pump(*end.peer); });
  return static_cast<long>(size);
}

int Kernel::shut_down(int fd, int how) {
  auto* const it = socket(fd);
  if (it == nullptr) return -EBADF;
  if (it->end == nullptr || is_gone(*it->end)) return -ENOTCONN;
  End& end = *it->end;
  if (!end.open) {
    answer(*end.link, ECONNRESET);
    return 0;
  }
  if (how != SHUT_WR) end.deaf = true;
  if (how != SHUT_RD) end.fin_wanted = true;
  touch(end);
  pump(end);
  return 0;
}

int Kernel::tcp_state(int fd) {
  const auto* const it = socket(fd);
  if (it == nullptr || it->end == nullptr) return TCP_CLOSE;
  const End& end = *it->end;
  if (is_gone(end) || (end.fin_received && end.fin_sent)) return TCP_CLOSE;
  if (!end.open) return TCP_SYN_SENT;
  if (end.fin_received) return TCP_CLOSE_WAIT;
  return end.fin_wanted ? TCP_FIN_WAIT1 : TCP_ESTABLISHED;
}

int Kernel::take_error(int fd) {
  auto* const it = socket(fd);
  return it == nullptr || it->end == nullptr ? 0 : -tell_error(*it->end);
}

}  // namespace poetry::simulation
