// One listener and its connections: accepts, has each served by a coroutine of its own, ends those
// that are late, and drains what is over. Knows no protocol. Owned by the server of one; lives on
// the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "base/fd.hpp"
#include "tcp/connection.hpp"

namespace poetry::sync::tcp {

class TcpServer {
 public:
  using Serve = std::function<Coroutine<void>(TcpConnection&)>;

  /// Accepts once the io_context runs, which must run out of work before this is destroyed. `serve`
  /// talks to one peer until all is said; then the connection is drained. What it throws ends that
  /// connection alone, with a line of the log that names the protocol. Raises std::system_error.
  TcpServer(boost::asio::io_context& io, base::Fd listener, std::string protocol, Serve serve);
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  /// Where it listens.
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  /// Accepts no more, and closes all connections at once.
  void stop();
  [[nodiscard]] bool is_stopping() const { return stopping_; }

 private:
  Coroutine<void> accept();
  Coroutine<void> serve(TcpSocket socket);
  Coroutine<void> end_late_ones();

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor::rebind_executor<IoExecutor>::other acceptor_;
  const std::string protocol_;
  const Serve serve_;
  SteadyTimer sweep_;
  std::list<TcpConnection> connections_;
  bool stopping_ = false;
};

}  // namespace poetry::sync::tcp
