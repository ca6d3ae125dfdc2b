#include "tcp/server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <climits>
#include <new>
#include <utility>

#include "base/log.hpp"
#include "net/limits.hpp"
#include "net/socket.hpp"

namespace poetry::sync::tcp {
namespace {

namespace asio = boost::asio;

constexpr auto sweep_interval = std::chrono::milliseconds(500);  // for deadlines of some seconds
constexpr auto pause_after_failure = std::chrono::milliseconds(100);
// Descriptors that no peer gets: jobs and the database go on, however many connections there are.
constexpr int kept_descriptors = 64;
constexpr auto pause_between_same = std::chrono::minutes(1);
constexpr auto drain_time = std::chrono::seconds(1);

/// Sends FIN, and reads for a moment what the peer still sends: to close with unread input would
/// make the kernel send RST, and the peer could lose the end of what it was sent.
Coroutine<void> drain(TcpConnection& peer) {
  Error error;
  peer.socket.shutdown(TcpSocket::shutdown_send, error);
  peer.expires_after(drain_time);
  std::array<char, 1024> unread{};
  while (!error) co_await peer.socket.async_read_some(asio::buffer(unread), into(error));
}

}  // namespace

TcpServer::TcpServer(asio::io_context& io, base::Fd listener, std::string protocol, Serve serve)
    : io_(io), acceptor_(io), protocol_(std::move(protocol)), serve_(std::move(serve)), sweep_(io) {
  const auto limit =
      static_cast<int>(std::min<std::uint64_t>(net::raise_descriptor_limit(), INT_MAX));
  max_descriptor_ = std::max(limit - kept_descriptors, limit / 2);
  using asio::ip::tcp;
  const auto family = net::local_address(listener.get()).family();
  acceptor_.assign(family == AF_INET6 ? tcp::v6() : tcp::v4(), listener.get());
  static_cast<void>(listener.release());
  spawn(io_, accept());
  spawn(io_, end_late_ones());
}

void TcpServer::stop() {
  stopping_ = true;
  Error ignored;
  acceptor_.close(ignored);
  sweep_.cancel();
  for (auto& each : connections_) each.socket.close(ignored);
}

Coroutine<void> TcpServer::accept() {
  while (!stopping_) {
    Error error;
    try {
      auto socket = co_await acceptor_.async_accept(into(error));
      if (!error && socket.native_handle() >= max_descriptor_) error = asio::error::no_descriptors;
      if (!error) spawn(io_, serve(std::move(socket)));
    } catch (const std::bad_alloc&) {
      error = asio::error::no_memory;
    }
    if (!error || stopping_) continue;
    if (const auto now = base::Clock::now(); now >= tell_again_) {
      base::log_warn("accept: {}", error.message());
      tell_again_ = now + pause_between_same;
    }
    SteadyTimer pause(io_, pause_after_failure);  // out of descriptors, mostly
    co_await pause.async_wait(awaited);
  }
}

Coroutine<void> TcpServer::serve(TcpSocket socket) {
  auto peer = connections_.end();
  try {
    peer = connections_.emplace(peer, std::move(socket));
    Error ignored;
    peer->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    co_await serve_(*peer);
    if (!stopping_) co_await drain(*peer);
  } catch (const std::exception& error) {
    base::log_debug("{}: {}", protocol_, error.what());  // the peer is gone
  }
  if (peer != connections_.end()) connections_.erase(peer);
}

/// What is under way may have just ended, and the peer's coroutine gone on without seeing that it
/// is late; so it is ended at each look, until there is another deadline.
Coroutine<void> TcpServer::end_late_ones() {
  while (!stopping_) {
    Error error;
    sweep_.expires_after(sweep_interval);
    co_await sweep_.async_wait(into(error));
    const auto now = base::Clock::now();
    for (auto& each : connections_) {
      if (now < each.deadline) continue;
      each.late = true;
      each.socket.cancel(error);
    }
  }
}

}  // namespace poetry::sync::tcp
