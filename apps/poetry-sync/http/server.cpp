#include "http/server.hpp"

#include <utility>

#include "http/connection.hpp"
#include "http/event_stream.hpp"
#include "http/guard.hpp"
#include "http/static_file.hpp"
#include "tcp/server.hpp"

namespace poetry::sync::http {
namespace {

namespace asio = boost::asio;

}  // namespace

class Web::Server {
 public:
  Server(WebOptions options, base::Fd listener, asio::io_context& io, tcp::BlockingPool& database,
         Api& api, ChangeFeed& feed)
      : options_(std::move(options)),
        database_(database),
        api_(api),
        feed_(feed),
        tcp_(io, std::move(listener), "http",
             [this](tcp::TcpConnection& peer) { return serve(peer); }),
        guard_(hosts_at(options_.listen.host, tcp_.port(), options_.hosts), options_.token),
        streams_(io, feed, options_) {}
  [[nodiscard]] net::HostPort where() const { return {options_.listen.host, tcp_.port()}; }
  void stop() {
    tcp_.stop();
    streams_.stop();
  }

 private:
  enum class After { next_request, close, events };

  tcp::Coroutine<void> serve(tcp::TcpConnection& peer);
  tcp::Coroutine<After> serve_one(HttpConnection& http, std::string& last_event_id);
  tcp::Coroutine<Response> answer(const Request& request);

  const WebOptions options_;
  tcp::BlockingPool& database_;
  Api& api_;
  ChangeFeed& feed_;
  tcp::TcpServer tcp_;
  const Guard guard_;
  EventStreams streams_;
};

tcp::Coroutine<void> Web::Server::serve(tcp::TcpConnection& peer) {
  HttpConnection http(peer, guard_, options_, database_);
  std::string last_event_id;
  auto after = After::next_request;
  while (after == After::next_request) after = co_await serve_one(http, last_event_id);
  if (after == After::events) co_await streams_.serve(peer, http, std::move(last_event_id));
}

/// A coroutine of its own, so that a stream does not keep what its request took.
tcp::Coroutine<Web::Server::After> Web::Server::serve_one(HttpConnection& http,
                                                          std::string& last_event_id) {
  auto request = co_await http.read();
  if (!request) co_return After::close;
  if (request->method == "GET" && request->path() == "/events") {
    last_event_id = std::move(request->last_event_id);
    co_return After::events;
  }
  auto response = co_await answer(*request);
  co_await http.send(std::move(response));
  co_return http.keeps_alive() ? After::next_request : After::close;
}

tcp::Coroutine<Response> Web::Server::answer(const Request& request) {
  if (auto file = static_file(request)) co_return std::move(*file);
  if (request.method == "GET" && request.target == "/api/records") {
    Response records;
    records.body = *feed_.records();  // what every page asks for is at hand
    co_return records;
  }
  co_return co_await database_.run([&] { return api_.answer(request); });
}

Web::Web(WebOptions options, base::Fd listener, asio::io_context& io, tcp::BlockingPool& database,
         Api& api, ChangeFeed& feed)
    : server_(std::make_unique<Server>(std::move(options), std::move(listener), io, database, api,
                                       feed)) {}

Web::~Web() = default;

net::HostPort Web::where() const { return server_->where(); }

void Web::stop() { server_->stop(); }

}  // namespace poetry::sync::http
