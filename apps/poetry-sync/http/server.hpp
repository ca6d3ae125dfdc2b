// The web server: the page, the API and the stream of events, over HTTP/1.1. Owned by main; its
// coroutines run on the io_context, its calls of the database in the pool.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <string>

#include "base/fd.hpp"
#include "http/change_feed.hpp"
#include "http/connection.hpp"
#include "http/event_stream.hpp"
#include "http/guard.hpp"
#include "net/address.hpp"
#include "store/store.hpp"
#include "tcp/server.hpp"

namespace poetry::sync::http {

class Web {
 public:
  /// Serves on a listener at the options' place. Raises std::system_error and DatabaseError.
  /// Borrows what it is given by reference until the io_context has run out of work.
  Web(WebOptions options, base::Fd listener, boost::asio::io_context& io,
      boost::asio::thread_pool& database, boost::asio::thread_pool& writing, store::Store& store);

  /// Where it listens, with the port that was taken for 0.
  [[nodiscard]] net::HostPort where() const { return {options_.listen.host, tcp_.port()}; }
  /// Somebody has changed the store: tells all pages. By any thread. Raises DatabaseError.
  void refresh() { feed_.refresh(); }
  /// Ends all connections at once, in the io_context's thread; what the database does for them is
  /// waited for by the io_context.
  void stop();

 private:
  enum class After { next_request, close, events };

  tcp::Coroutine<void> serve(tcp::TcpConnection& peer);
  tcp::Coroutine<After> serve_one(HttpConnection& http, std::string& last_event_id);
  tcp::Coroutine<Response> answer(const Request& request);
  tcp::Coroutine<Response> health();

  const WebOptions options_;
  boost::asio::thread_pool& database_;
  boost::asio::thread_pool& writing_;
  store::Store& store_;
  ChangeFeed feed_;
  tcp::TcpServer tcp_;
  const Guard guard_;
  EventStreams streams_;
  base::TimePoint probed_{};  // when the latest try to write began
  std::atomic<bool> probing_ = false;
  std::atomic<bool> writable_ = true;  // by the latest that has ended
};

}  // namespace poetry::sync::http
