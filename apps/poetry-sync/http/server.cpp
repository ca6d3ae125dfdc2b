#include "http/server.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "http/api.hpp"
#include "page/assets.hpp"

namespace poetry::sync::http {
namespace {

/// The page's file at a request's path, or 304 where the browser has this very one. None where no
/// file is there.
std::optional<Response> static_file(const Request& request) {
  const auto all = page::assets();
  const auto asset = std::ranges::find(all, request.path(), &page::Asset::path);
  if (asset == all.end()) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") return method_not_allowed("GET, HEAD");
  const bool known = request.if_none_match == asset->tag;
  return Response{.status = known ? 304U : 200U,
                  .type = std::string(asset->type),
                  .body = std::string(known ? "" : asset->bytes),
                  .fields = {{"Cache-Control", "no-cache"}, {"ETag", std::string(asset->tag)}}};
}

}  // namespace

Web::Web(WebOptions options, base::Fd listener, boost::asio::io_context& io,
         boost::asio::thread_pool& database, store::Store& store)
    : options_(std::move(options)),
      database_(database),
      store_(store),
      feed_(store),
      tcp_(io, std::move(listener), "http",
           [this](tcp::TcpConnection& peer) { return serve(peer); }),
      guard_(where(), options_.hosts, options_.token, options_.metrics_token),
      streams_(io, feed_, options_) {}

void Web::stop() {
  tcp_.stop();
  streams_.stop();
}

tcp::Coroutine<void> Web::serve(tcp::TcpConnection& peer) {
  HttpConnection http(peer, guard_, options_, database_);
  std::string last_event_id;
  auto after = After::next_request;
  while (after == After::next_request) after = co_await serve_one(http, last_event_id);
  if (after == After::events) co_await streams_.serve(peer, http, std::move(last_event_id));
}

/// A coroutine of its own, so that a stream does not keep what its request took.
tcp::Coroutine<Web::After> Web::serve_one(HttpConnection& http, std::string& last_event_id) {
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

tcp::Coroutine<Response> Web::answer(const Request& request) {
  if (auto file = static_file(request)) co_return std::move(*file);
  if (request.method == "GET" && request.target == "/api/records") {
    co_return Response{.shared = feed_.records()};  // what every page asks for is at hand
  }
  co_return co_await tcp::run_in(database_, [&] { return answer_api(request, store_, feed_); });
}

}  // namespace poetry::sync::http
