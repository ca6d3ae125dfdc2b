// Streams of the feed's events to pages, as Server-Sent Events (HTML Standard, 9.2). Owned by the
// web server; lives on the io_context's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>

#include "http/change_feed.hpp"
#include "http/connection.hpp"
#include "tcp/server.hpp"

namespace poetry::sync::http {

class EventStreams {
 public:
  /// Borrows all of it until the io_context has run out of work.
  EventStreams(boost::asio::io_context& io, ChangeFeed& feed, const WebOptions& options);
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;
  ~EventStreams() { feed_.on_news({}); }

  /// Sends what happens to a page that has seen the event of this id last, to the end of the
  /// connection; 503 where there are too many streams.
  tcp::Coroutine<void> serve(tcp::TcpConnection& peer, HttpConnection& http,
                             std::string last_event_id);
  /// Ends all of them.
  void stop();

 private:
  tcp::Coroutine<void> beat();

  boost::asio::io_context& io_;
  ChangeFeed& feed_;
  const WebOptions& options_;
  tcp::SteadyTimer heartbeat_timer_;
  tcp::SteadyTimer news_;  // all streams wait for it; cancelled when there are some
  std::uint64_t heartbeats_ = 0;
  const ChangeFeed::Text heartbeat_;
  bool stopping_ = false;
};

}  // namespace poetry::sync::http
