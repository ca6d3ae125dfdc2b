#include "tcp/connection.hpp"

#include <array>
#include <boost/asio/buffer.hpp>

namespace poetry::sync::tcp {
namespace {

constexpr auto drain_time = std::chrono::seconds(1);

}  // namespace

void TcpConnection::expires_after(base::Duration time) {
  deadline = base::later(base::Clock::now(), time);
  late = false;
}

Coroutine<void> drain(TcpConnection& peer) {
  boost::system::error_code error;
  peer.socket.shutdown(TcpSocket::shutdown_send, error);
  peer.expires_after(drain_time);
  std::array<char, 1024> unread{};
  while (!error) co_await peer.socket.async_read_some(boost::asio::buffer(unread), into(error));
}

}  // namespace poetry::sync::tcp
