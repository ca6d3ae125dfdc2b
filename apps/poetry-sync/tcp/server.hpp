// One listener and its connections: accepts, has each served by a coroutine of its own, ends those
// that are late, and drains what is over. Knows no protocol. Owned by the server of one; lives on
// the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "tcp/coroutine.hpp"

namespace poetry::sync::tcp {

/// One accepted socket, and when what it waits for is late. Its server looks twice a second for
/// those that are late, since a timer each would cost more than the rest of a silent stream.
struct TcpConnection {
  explicit TcpConnection(TcpSocket accepted) : socket(std::move(accepted)) {}

  /// What the socket is doing then, or begins to do later, ends with operation_aborted.
  void expires_after(base::Duration time) {
    deadline = base::later(base::Clock::now(), time);
    late = false;
  }
  /// Until the next expires_after().
  void expires_never() { deadline = base::never; }

  TcpSocket socket;
  base::TimePoint deadline = base::never;
  bool late = false;  ///< the deadline has passed, since expires_after() at the latest
};

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
  int max_descriptor_;            // of a peer
  base::TimePoint tell_again_{};  // that connections are not accepted
  bool stopping_ = false;
};

}  // namespace poetry::sync::tcp
