#include "http/connection.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "base/log.hpp"
#include "net/socket.hpp"

namespace poetry::sync::http {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint32_t max_header_bytes = 16 << 10;
constexpr std::uint64_t max_body_bytes = 512 << 10;                  // ids of 20,000 records
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";  // RFC 9110, 10.1.1
constexpr unsigned http_1_1 = 11;
constexpr auto wrong_token_pause = std::chrono::seconds(1);  // before an answer, and in the log
constexpr std::size_t min_read = 2048;

using Borrowed = http::span_body<const char>;  // of whoever sends it, and perhaps many others

/// Whether a Transfer-Encoding, if there is one, is `chunked` alone and no Content-Length stands
/// beside it: of anything else, who stands in between may think that it ends elsewhere (RFC 9112,
/// sections 6.1 and 6.3).
bool is_framed(const http::fields& fields) {
  const auto encodings = fields.count(http::field::transfer_encoding);
  return encodings == 0 ||
         (encodings == 1 && fields.count(http::field::content_length) == 0 &&
          boost::beast::iequals(fields[http::field::transfer_encoding], "chunked"));
}

/// A target in absolute form (RFC 9112, section 3.2.2) names the host itself.
void take_absolute_form(Request& request) {
  constexpr std::string_view scheme = "http://";
  if (!boost::beast::iequals(std::string_view(request.target).substr(0, scheme.size()), scheme))
    return;
  const auto authority = request.target.substr(scheme.size());
  const auto end = std::min(authority.find_first_of("/?"), authority.size());
  if (!request.host.empty()) request.host = authority.substr(0, end);
  request.target = authority.substr(end);
  if (!request.target.starts_with('/')) request.target.insert(0, "/");
}

/// What the header says.
Request request_of(const http::request<http::string_body>& from) {
  Request request{
      .method = std::string(from.method_string()),
      .target = std::string(from.target()),
      .host = from.count(http::field::host) == 1 ? std::string(from[http::field::host]) : "",
      .origin = std::string(from[http::field::origin]),
      .authorization = std::string(from[http::field::authorization]),
      .cookie = std::string(from[http::field::cookie]),
      .accept = std::string(from[http::field::accept]),
      .content_type = std::string(from[http::field::content_type]),
      .if_none_match = std::string(from[http::field::if_none_match]),
      .last_event_id = std::string(from["Last-Event-ID"]),
      .is_framed = is_framed(from)};
  take_absolute_form(request);
  return request;
}

/// With the fields that keep anything from being embedded, guessed, stored or run that is not the
/// page's own. The length is still to be said; of a body in pieces, there are none yet. Borrows the
/// body.
http::response<Borrowed> beast_response(const Response& from, const std::string& prefix) {
  http::response<Borrowed> response{static_cast<http::status>(from.status), http_1_1};
  response.set(http::field::server, "poetry-sync");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
               "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  response.set(http::field::content_type, from.type);
  response.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : from.fields)
    response.set(name, name == "Location" ? prefix + value : value);
  const std::string_view body = from.shared ? *from.shared : from.body;
  response.body() = {body.data(), body.size()};
  return response;
}

/// Why a request could not be read.
Response problem_of(const tcp::Error& error, bool late) {
  if (late) return problem(408, "Request timeout");
  if (error == http::error::body_limit) return problem(413, "Content too large");
  if (error == http::error::header_limit) return problem(431, "Request header fields too large");
  return problem(400, "Bad request", error.message());
}

}  // namespace

tcp::Coroutine<std::optional<Request>> HttpConnection::read() {
  tcp::Error error;
  if (buffer_.size() == 0) {  // between two requests
    peer_.expires_after(options_.idle_timeout);
    const auto size =
        co_await peer_.socket.async_read_some(buffer_.prepare(min_read), tcp::into(error));
    if (error) co_return std::nullopt;
    buffer_.commit(size);
  }
  http::request_parser<http::string_body> parser;
  parser.header_limit(max_header_bytes);
  parser.body_limit(max_body_bytes);
  peer_.expires_after(options_.request_timeout);
  co_await http::async_read_header(peer_.socket, buffer_, parser, tcp::into(error));
  Request request;
  std::optional<Response> refusal;
  if (!error) {
    request = request_of(parser.get());
    guard_.take_prefix(request);
    refusal = guard_.refuse(request);
    if (!refusal && parser.get()[http::field::expect] == "100-continue")
      co_await asio::async_write(peer_.socket, asio::buffer(go_on), tcp::awaited);
    if (!refusal) co_await http::async_read(peer_.socket, buffer_, parser, tcp::into(error));
  }
  if (error) refusal = problem_of(error, peer_.late);
  is_head_ = parser.get().method() == http::verb::head;
  takes_chunks_ = parser.get().version() >= http_1_1;
  keeps_alive_ = takes_chunks_ && parser.get().keep_alive();
  if (refusal) {
    const bool guessed =
        !request.authorization.empty() || request.target.find("token=") != std::string::npos;
    if (refusal->status == 401 && guessed) co_await slow_down();
    co_await send_last(std::move(*refusal));
    co_return std::nullopt;
  }
  request.body = std::move(parser.get().body());
  co_return request;
}

tcp::Coroutine<void> HttpConnection::send(Response response) {
  if (response.more) {
    co_await send_pieces(std::move(response));
    co_return;
  }
  auto message = beast_response(response, options_.url.path);
  message.keep_alive(keeps_alive_);
  if (is_head_) {  // which is answered the length of the body, and not the body
    message.content_length(message.body().size());
    message.body() = {};
  } else {
    message.prepare_payload();
  }
  peer_.expires_after(options_.send_timeout);
  co_await http::async_write(peer_.socket, message, tcp::awaited);
}

tcp::Coroutine<void> HttpConnection::send_last(Response response) {
  keeps_alive_ = false;
  co_await send(std::move(response));
}

tcp::Coroutine<void> HttpConnection::slow_down() {
  static base::TimePoint told{};  // of the io_context's thread
  const auto now = base::Clock::now();
  tcp::Error gone;
  if (now - told >= wrong_token_pause) {
    told = now;
    base::log_warn("a wrong token from {}",
                   peer_.socket.remote_endpoint(gone).address().to_string());
  }
  tcp::SteadyTimer pause(peer_.socket.get_executor(), wrong_token_pause);
  co_await pause.async_wait(tcp::into(gone));
}

tcp::Coroutine<void> HttpConnection::begin_stream(Response head) {
  keeps_alive_ = false;
  takes_chunks_ = false;
  co_await send_head(std::move(head));
  peer_.expires_never();
  buffer_ = {};  // a stream may last for days
}

tcp::Coroutine<void> HttpConnection::send_head(Response response) {
  http::response<http::empty_body> head{beast_response(response, options_.url.path).base()};
  if (takes_chunks_) head.chunked(true);
  head.keep_alive(keeps_alive_);
  http::response_serializer<http::empty_body> serializer{head};
  peer_.expires_after(options_.send_timeout);
  co_await http::async_write_header(peer_.socket, serializer, tcp::awaited);
}

tcp::Coroutine<void> HttpConnection::send_pieces(Response response) {
  const auto more = std::exchange(response.more, {});
  co_await send_head(std::move(response));
  if (is_head_) co_return;
  for (;;) {
    std::string piece;
    try {
      piece = co_await tcp::run_in(pool_, [&] { return more(); });
    } catch (...) {
      if (!takes_chunks_) net::reset_on_close(peer_.socket.native_handle());  // no end would tell
      throw;
    }
    peer_.expires_after(options_.send_timeout);
    if (piece.empty()) break;
    if (takes_chunks_) {
      co_await asio::async_write(peer_.socket, http::make_chunk(asio::buffer(piece)), tcp::awaited);
    } else {
      co_await asio::async_write(peer_.socket, asio::buffer(piece), tcp::awaited);
    }
  }
  if (takes_chunks_)
    co_await asio::async_write(peer_.socket, http::make_chunk_last(), tcp::awaited);
}

}  // namespace poetry::sync::http
