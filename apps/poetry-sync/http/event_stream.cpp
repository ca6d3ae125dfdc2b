#include "http/event_stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace poetry::sync::http {
namespace {

namespace asio = boost::asio;

// What keeps proxies and pages from taking a silent stream for a dead one.
constexpr auto heartbeat_interval = std::chrono::seconds(15);

/// A stream that is counted, as long as its peer is there.
class OpenStream {
 public:
  OpenStream(std::atomic<std::uint64_t>& count, tcp::TcpSocket& socket)
      : count_(count), socket_(socket) {
    ++count_;
  }
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;
  ~OpenStream() { end(); }

  /// For what is not expected.
  asio::mutable_buffer unread() { return asio::buffer(&unread_, 1); }

  void end() {
    if (std::exchange(ended_, true)) return;
    --count_;
    tcp::Error ignored;
    socket_.close(ignored);
  }

 private:
  std::atomic<std::uint64_t>& count_;
  tcp::TcpSocket& socket_;
  char unread_ = 0;
  bool ended_ = false;
};

}  // namespace

EventStreams::EventStreams(asio::io_context& io, ChangeFeed& feed, const WebOptions& options)
    : io_(io),
      feed_(feed),
      options_(options),
      heartbeat_timer_(io),
      news_(io, tcp::SteadyTimer::time_point::max()),
      heartbeat_(std::make_shared<const std::string>("event: heartbeat\ndata: {}\n\n")) {
  feed_.on_news([this] { asio::post(io_, [this] { news_.cancel(); }); });
  tcp::spawn(io_, beat());
}

void EventStreams::stop() {
  stopping_ = true;
  heartbeat_timer_.cancel();
  news_.cancel();
}

tcp::Coroutine<void> EventStreams::beat() {
  while (!stopping_) {
    tcp::Error error;
    heartbeat_timer_.expires_after(heartbeat_interval);
    co_await heartbeat_timer_.async_wait(tcp::into(error));
    ++heartbeats_;
    news_.cancel();
  }
}

tcp::Coroutine<void> EventStreams::serve(tcp::TcpConnection& peer, HttpConnection& http,
                                         std::string last_event_id) {
  if (feed_.streams() >= options_.max_streams) {
    auto refusal = problem(503, "Too many streams");
    co_await http.send_last(std::move(refusal));
    co_return;
  }
  const auto open = std::make_shared<OpenStream>(feed_.streams(), peer.socket);
  // nginx keeps what it passes on until its buffer is full, unless told not to.
  Response head{.type = "text/event-stream", .fields = {{"X-Accel-Buffering", "no"}}};
  co_await http.begin_stream(std::move(head));
  // The peer has nothing more to say, so that what it sends is its end; the next heartbeat would
  // tell that late, and until then a hidden tab would take the place of another.
  peer.socket.async_receive(open->unread(),
                            [found = std::weak_ptr(open)](const tcp::Error&, std::size_t) {
                              if (const auto stream = found.lock()) stream->end();
                            });
  auto news = feed_.begin(last_event_id);
  auto heard = heartbeats_;
  bool was_late = false;
  while (!stopping_) {
    if (news.events.empty() && heard != heartbeats_) news.events = {heartbeat_};
    heard = heartbeats_;
    // Who took so long for the last ones that the next are gone comes back for all of them.
    if (was_late && news.is_anew) break;
    was_late = !news.events.empty();
    if (news.events.empty()) {
      tcp::Error cancelled;
      co_await news_.async_wait(tcp::into(cancelled));
    } else {
      std::vector<asio::const_buffer> buffers;
      for (const auto& each : news.events) buffers.push_back(asio::buffer(*each));
      peer.expires_after(options_.send_timeout);
      co_await asio::async_write(peer.socket, buffers, tcp::awaited);
      peer.expires_never();
    }
    news = feed_.after(news.next);
  }
}

}  // namespace poetry::sync::http
