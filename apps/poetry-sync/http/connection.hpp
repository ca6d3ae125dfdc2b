// HTTP/1.1 with one peer: reads its requests one after another, those that the guard lets pass, and
// sends their responses. Lives in the coroutine that serves the connection.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>

#include "http/guard.hpp"
#include "http/message.hpp"
#include "tcp/server.hpp"

namespace poetry::sync::http {

class HttpConnection {
 public:
  /// Borrows all of it. In the pool, responses make their pieces.
  HttpConnection(tcp::TcpConnection& peer, const Guard& guard, const WebOptions& options,
                 boost::asio::thread_pool& pool)
      : peer_(peer), guard_(guard), options_(options), pool_(pool) {}

  /// The next request. None at the peer's end, and after one that could not be read or was refused,
  /// which the peer has been told. This and all that sends raises boost::system::system_error where
  /// the peer is gone or late.
  tcp::Coroutine<std::optional<Request>> read();
  /// Whether there may be another request: to HTTP/1.0, everything ends with its connection.
  [[nodiscard]] bool keeps_alive() const { return keeps_alive_; }

  /// Answers the request. A body in pieces goes in chunks, and to the end of the connection for
  /// HTTP/1.0; where making one raises, so does this, before the last chunk, or with a reset of
  /// the connection in its place, by which the peer knows that it has not all.
  tcp::Coroutine<void> send(Response response);
  /// The same, and says that nothing follows.
  tcp::Coroutine<void> send_last(Response response);
  /// Says in the log that a token was wrong, and lets who guesses wait.
  tcp::Coroutine<void> slow_down();
  /// Sends the head of a body that ends with the connection. Nothing more is read, and what is sent
  /// next has no deadline yet.
  tcp::Coroutine<void> begin_stream(Response head);

 private:
  tcp::Coroutine<void> send_head(Response response);
  tcp::Coroutine<void> send_pieces(Response response);

  tcp::TcpConnection& peer_;
  const Guard& guard_;
  const WebOptions& options_;
  boost::asio::thread_pool& pool_;
  boost::beast::flat_buffer buffer_;  // received, and not yet read
  // Of the request that was read last.
  bool is_head_ = false;
  bool takes_chunks_ = false;
  bool keeps_alive_ = false;
};

}  // namespace poetry::sync::http
