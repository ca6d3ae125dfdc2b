#include "http/beast_message.hpp"

#include <utility>

namespace poetry::sync::http {
namespace {

namespace http = boost::beast::http;

constexpr unsigned http_1_1 = 11;

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Request request_of(BeastRequest&& from) {
  return {.method = text_of(from.method_string()),
          .target = text_of(from.target()),
          .content_type = text_of(from[http::field::content_type]),
          .if_none_match = text_of(from[http::field::if_none_match]),
          .last_event_id = text_of(from["Last-Event-ID"]),
          .body = std::move(from.body())};
}

Credentials credentials_of(const BeastRequest& request) {
  return {.target = text_of(request.target()),
          .host = request.count(http::field::host) == 1 ? text_of(request[http::field::host]) : "",
          .origin = text_of(request[http::field::origin]),
          .authorization = text_of(request[http::field::authorization]),
          .cookie = text_of(request[http::field::cookie])};
}

bool is_kept_alive(const BeastRequest& request) {
  return request.version() >= http_1_1 && request.keep_alive();
}

BeastResponse beast_response(Response from) {
  BeastResponse response{static_cast<http::status>(from.status), http_1_1};
  response.set(http::field::server, "poetry-sync");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.set(http::field::content_type, from.type);
  response.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : from.fields) response.set(name, value);
  response.body() = std::move(from.body);
  return response;
}

}  // namespace poetry::sync::http
