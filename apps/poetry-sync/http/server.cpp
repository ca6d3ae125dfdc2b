// The one place of Boost.Beast: a coroutine a connection, on one thread. The API's calls block on
// the database, and run on threads of their own.
#include "http/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

#include "http/guard.hpp"
#include "page/assets.hpp"
#include "tcp/server.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Error = boost::system::error_code;
using Parser = http::request_parser<http::string_body>;
using Asked = Parser::value_type;
using Answer = http::response<http::string_body>;

constexpr std::uint32_t most_header_bytes = 16 << 10;
constexpr std::uint64_t most_body_bytes = 64 << 10;                  // an address and a name
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";  // RFC 9110, 10.1.1
constexpr unsigned http_1_1 = 11;
constexpr std::size_t least_read = 2048;
// What keeps proxies and pages from taking a silent stream for a dead one.
constexpr auto heartbeat_interval = std::chrono::seconds(15);

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

/// Nothing may be embedded, guessed or run that is not the page's own.
void make_safe(http::fields& fields) {
  fields.set(http::field::server, "poetry-sync");
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("Referrer-Policy", "no-referrer");
  fields.set("Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

Answer answer_of(const Response& response) {
  Answer answer{static_cast<http::status>(response.status), 11};
  make_safe(answer);
  answer.set(http::field::content_type, response.type);
  answer.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : response.fields) answer.set(name, value);
  answer.body() = response.body;
  return answer;
}

/// What HEAD is answered: the length of the body, and not the body.
void keep_head(Answer& answer) {
  answer.content_length(answer.body().size());
  answer.body().clear();
}

/// Why a request could not be read.
Response problem_of(const Error& error, bool late) {
  if (late) return problem(408, "Request timeout");
  if (error == http::error::body_limit) return problem(413, "Content too large");
  if (error == http::error::header_limit) return problem(431, "Request header fields too large");
  return problem(400, "Bad request", error.message());
}

Credentials credentials_of(const Asked& request) {
  return {.target = text_of(request.target()),
          .host = request.count(http::field::host) == 1 ? text_of(request[http::field::host]) : "",
          .origin = text_of(request[http::field::origin]),
          .authorization = text_of(request[http::field::authorization]),
          .cookie = text_of(request[http::field::cookie])};
}

/// Whether another request may follow: to HTTP/1.0 everything ends with its connection.
bool goes_on(const Asked& request) { return request.version() >= http_1_1 && request.keep_alive(); }

std::string path_of(const Asked& request) {
  const auto target = text_of(request.target());
  return target.substr(0, target.find('?'));
}

std::optional<Answer> asset_for(const Asked& request) {
  const auto path = path_of(request);
  for (const auto& asset : assets()) {
    if (path != asset.path) continue;
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      auto refusal = problem(405, "Method not allowed", "allowed: GET, HEAD");
      refusal.fields.emplace_back("Allow", "GET, HEAD");
      return answer_of(refusal);
    }
    const bool known = text_of(request[http::field::if_none_match]) == asset.tag;
    Answer answer = answer_of({.status = known ? 304U : 200U, .type = std::string(asset.type)});
    answer.set(http::field::cache_control, "no-cache");
    answer.set(http::field::etag, std::string(asset.tag));
    if (!known) answer.body() = std::string(asset.bytes);
    return answer;
  }
  return std::nullopt;
}

/// A stream of events, as long as its peer is there.
class OpenStream {
 public:
  OpenStream(std::atomic<std::uint64_t>& count, TcpSocket& socket)
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
    Error ignored;
    socket_.close(ignored);
  }

 private:
  std::atomic<std::uint64_t>& count_;
  TcpSocket& socket_;
  char unread_ = 0;
  bool ended_ = false;
};

}  // namespace

class Web::Server {
 public:
  Server(WebOptions options, Fd listener, asio::io_context& io, BlockingPool& database, Api& api,
         Hub& hub);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { hub_.on_news({}); }
  [[nodiscard]] HostPort where() const { return {options_.listen.host, tcp_.port()}; }
  void stop();

 private:
  enum class After { next_request, close, events };

  Coroutine<void> beat();
  Coroutine<void> serve(TcpConnection& peer);
  Coroutine<After> serve_one(TcpConnection& peer, beast::flat_buffer& buffer, std::string& last_id);
  Coroutine<bool> read(TcpConnection& peer, beast::flat_buffer& buffer, Parser& parser);
  Coroutine<void> answer(TcpConnection& peer, const Asked& request);
  Coroutine<void> send(TcpConnection& peer, Answer answer, bool keep_alive);
  Coroutine<void> send_pieces(TcpConnection& peer, const Response& response, const Asked& request);
  Coroutine<void> stream_events(TcpConnection& peer, std::string last_id);

  const WebOptions options_;
  asio::io_context& io_;
  BlockingPool& database_;
  Api& api_;
  Hub& hub_;
  TcpServer tcp_;
  const Guard guard_;
  SteadyTimer heartbeat_timer_;
  SteadyTimer news_;  // all streams wait for it; cancelled when there are some
  std::uint64_t heartbeats_ = 0;
  const Hub::Text heartbeat_ = std::make_shared<const std::string>(":\n\n");
};

Web::Server::Server(WebOptions options, Fd listener, asio::io_context& io, BlockingPool& database,
                    Api& api, Hub& hub)
    : options_(std::move(options)),
      io_(io),
      database_(database),
      api_(api),
      hub_(hub),
      tcp_(io, std::move(listener), "http", [this](TcpConnection& peer) { return serve(peer); }),
      guard_(hosts_at(options_.listen.host, tcp_.port(), options_.hosts), options_.token),
      heartbeat_timer_(io_),
      news_(io_, SteadyTimer::time_point::max()) {
  hub_.on_news([this] { asio::post(io_, [this] { news_.cancel(); }); });
  asio::co_spawn(io_, beat(), asio::detached);
}

void Web::Server::stop() {
  tcp_.stop();
  heartbeat_timer_.cancel();
  news_.cancel();
}

Coroutine<void> Web::Server::beat() {
  while (!tcp_.is_stopping()) {
    Error error;
    heartbeat_timer_.expires_after(heartbeat_interval);
    co_await heartbeat_timer_.async_wait(into(error));
    ++heartbeats_;
    news_.cancel();
  }
}

Coroutine<void> Web::Server::serve(TcpConnection& peer) {
  auto after = After::next_request;
  std::string last_id;
  {
    beast::flat_buffer buffer;
    while (after == After::next_request) after = co_await serve_one(peer, buffer, last_id);
  }
  if (after == After::events) co_await stream_events(peer, std::move(last_id));
}

Coroutine<Web::Server::After> Web::Server::serve_one(TcpConnection& peer,
                                                     beast::flat_buffer& buffer,
                                                     std::string& last_id) {
  Parser parser;
  if (!co_await read(peer, buffer, parser)) co_return After::close;
  const auto& request = parser.get();
  if (request.method() == http::verb::get && path_of(request) == "/events") {
    last_id = text_of(request["Last-Event-ID"]);
    co_return After::events;
  }
  co_await answer(peer, request);
  co_return goes_on(request) ? After::next_request : After::close;
}

/// False where there is no request, or one that was refused.
Coroutine<bool> Web::Server::read(TcpConnection& peer, beast::flat_buffer& buffer, Parser& parser) {
  Error error;
  if (buffer.size() == 0) {  // between two requests
    peer.expires_after(options_.idle_timeout);
    const auto size = co_await peer.socket.async_read_some(buffer.prepare(least_read), into(error));
    if (error) co_return false;
    buffer.commit(size);
  }
  parser.header_limit(most_header_bytes);
  parser.body_limit(most_body_bytes);
  peer.expires_after(options_.request_timeout);
  co_await http::async_read_header(peer.socket, buffer, parser, into(error));
  std::optional<Response> refusal;
  if (!error) {
    refusal = guard_.refuse(credentials_of(parser.get()));
    if (!refusal && parser.get()[http::field::expect] == "100-continue") {
      co_await asio::async_write(peer.socket, asio::buffer(go_on), awaited);
    }
    if (!refusal) co_await http::async_read(peer.socket, buffer, parser, into(error));
  }
  if (error) refusal = problem_of(error, peer.late);
  if (!refusal) co_return true;
  auto answer = answer_of(*refusal);
  if (parser.get().method() == http::verb::head) keep_head(answer);
  co_await send(peer, std::move(answer), false);
  co_return false;
}

Coroutine<void> Web::Server::answer(TcpConnection& peer, const Asked& request) {
  if (auto asset = asset_for(request)) {
    if (request.method() == http::verb::head) keep_head(*asset);
    co_await send(peer, std::move(*asset), goes_on(request));
    co_return;
  }
  const Request asked{.method = text_of(request.method_string()),
                      .target = text_of(request.target()),
                      .content_type = text_of(request[http::field::content_type]),
                      .body = request.body()};
  Response response;
  if (asked.method == "GET" && asked.target == "/api/records") {
    response.body = *hub_.records();  // what every page asks for is at hand
  } else {
    response = co_await database_.run([&] { return api_.answer(asked); });
  }
  if (response.more) {
    co_await send_pieces(peer, response, request);
    co_return;
  }
  auto answer = answer_of(response);
  if (asked.method == "HEAD") keep_head(answer);
  co_await send(peer, std::move(answer), goes_on(request));
}

Coroutine<void> Web::Server::send(TcpConnection& peer, Answer answer, bool keep_alive) {
  answer.keep_alive(keep_alive);
  if (!answer.has_content_length()) answer.prepare_payload();
  peer.expires_after(options_.send_timeout);
  co_await http::async_write(peer.socket, answer, awaited);
}

/// A body of pieces, in chunks; to the end of the connection for HTTP/1.0. Where one cannot be had,
/// the connection ends before the last chunk, by which the peer knows that it has not all.
Coroutine<void> Web::Server::send_pieces(TcpConnection& peer, const Response& response,
                                         const Asked& request) {
  http::response<http::empty_body> head{answer_of(response).base()};
  const bool chunked = request.version() >= http_1_1;
  if (chunked) head.chunked(true);
  head.keep_alive(goes_on(request));
  http::response_serializer<http::empty_body> serializer{head};
  peer.expires_after(options_.send_timeout);
  co_await http::async_write_header(peer.socket, serializer, awaited);
  if (request.method() == http::verb::head) co_return;
  for (;;) {
    const auto piece = co_await database_.run([&] { return response.more(); });
    peer.expires_after(options_.send_timeout);
    if (piece.empty()) break;
    if (chunked) {
      co_await asio::async_write(peer.socket, http::make_chunk(asio::buffer(piece)), awaited);
    } else {
      co_await asio::async_write(peer.socket, asio::buffer(piece), awaited);
    }
  }
  if (chunked) co_await asio::async_write(peer.socket, http::make_chunk_last(), awaited);
}

/// Server-Sent Events, to the end of the connection.
Coroutine<void> Web::Server::stream_events(TcpConnection& peer, std::string last_id) {
  if (hub_.streams() >= options_.most_streams) {
    co_await send(peer, answer_of(problem(503, "Too many streams")), false);
    co_return;
  }
  const auto open = std::make_shared<OpenStream>(hub_.streams(), peer.socket);
  {
    http::response<http::empty_body> head{http::status::ok, 11};
    make_safe(head);
    head.set(http::field::content_type, "text/event-stream");
    head.set(http::field::cache_control, "no-store");
    head.keep_alive(false);  // it ends with the connection
    http::response_serializer<http::empty_body> serializer{head};
    peer.expires_after(options_.send_timeout);
    co_await http::async_write_header(peer.socket, serializer, awaited);
    peer.expires_never();
  }
  // The peer has nothing more to say, so that what it sends is its end; the next heartbeat would
  // tell that late, and until then a hidden tab would take the place of another.
  peer.socket.async_receive(open->unread(),
                            [found = std::weak_ptr(open)](const Error&, std::size_t) {
                              if (const auto stream = found.lock()) stream->end();
                            });
  auto news = hub_.begin(last_id);
  auto heard = heartbeats_;
  while (!tcp_.is_stopping()) {
    if (news.events.empty() && heard != heartbeats_) news.events = {heartbeat_};
    heard = heartbeats_;
    if (news.events.empty()) {
      Error cancelled;
      co_await news_.async_wait(into(cancelled));
    } else {
      std::vector<asio::const_buffer> buffers;
      for (const auto& each : news.events) buffers.push_back(asio::buffer(*each));
      peer.expires_after(options_.send_timeout);
      co_await asio::async_write(peer.socket, buffers, awaited);
      peer.expires_never();
    }
    news = hub_.after(news.next);
  }
}

Web::Web(WebOptions options, Fd listener, asio::io_context& io, BlockingPool& database, Api& api,
         Hub& hub)
    : server_(std::make_unique<Server>(std::move(options), std::move(listener), io, database, api,
                                       hub)) {}

Web::~Web() = default;

HostPort Web::where() const { return server_->where(); }

void Web::stop() { server_->stop(); }

}  // namespace poetry
