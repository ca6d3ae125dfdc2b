#include "http/server.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "http/api.hpp"
#include "page/assets.hpp"

namespace poetry::sync::http {
namespace {

constexpr auto probe_interval = std::chrono::seconds(1);
constexpr auto longest_health = std::chrono::milliseconds(500);
constexpr auto longest_probe = std::chrono::seconds(5);  // others write for as long, but seldom
constexpr auto look_at_probe = std::chrono::milliseconds(5);

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
         boost::asio::thread_pool& database, boost::asio::thread_pool& writing, store::Store& store)
    : options_(std::move(options)),
      database_(database),
      writing_(writing),
      store_(store),
      feed_(store),
      tcp_(io, std::move(listener), "http",
           [this](tcp::TcpConnection& peer) { return serve(peer); }),
      guard_(where(), options_),
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
  if (response.status == 401) co_await http.slow_down();  // of /login alone
  if (auto cookie = guard_.renewal(*request); !cookie.empty())
    response.fields.emplace_back("Set-Cookie", std::move(cookie));
  co_await http.send(std::move(response));
  co_return http.keeps_alive() ? After::next_request : After::close;
}

/// It tells what the latest write that was tried came to, and never waits for long.
tcp::Coroutine<Response> Web::health() {
  const auto now = base::Clock::now();
  const bool is_stale = now - probed_ >= longest_probe;  // what the last one came to
  if (!probing_ && now - probed_ >= probe_interval) {
    probing_ = true;
    probed_ = now;
    boost::asio::post(database_, [this] {
      try {
        store_.try_to_write();
        writable_ = true;
      } catch (const std::exception& error) {
        if (writable_.exchange(false)) base::log_error("{}", error.what());
      }
      probing_ = false;
    });
  }
  tcp::SteadyTimer pause(co_await boost::asio::this_coro::executor);
  while (is_stale && probing_ && base::Clock::now() - now < longest_health) {
    pause.expires_after(look_at_probe);
    co_await pause.async_wait(tcp::awaited);
  }
  if (writable_ && (!probing_ || base::Clock::now() - probed_ < longest_probe)) {
    co_return Response{.type = "text/plain; charset=utf-8", .body = "ok\n"};
  }
  co_return problem(503, "Database unavailable", "jobs cannot be stored");
}

tcp::Coroutine<Response> Web::answer(const Request& request) {
  if (auto file = static_file(request)) co_return std::move(*file);
  if (request.method == "GET" && request.target == "/api/records") {
    co_return Response{.shared = feed_.records()};  // what every page asks for is at hand
  }
  if (request.path() == "/healthz" && (request.method == "GET" || request.method == "HEAD"))
    co_return co_await health();
  if (request.path() == "/login" && request.method == "POST")
    co_return guard_.log_in(request, form_value(request.body, "token").value_or(""));
  // Who waits for a lock does so beside those who read.
  const bool reads = request.method == "GET" || request.method == "HEAD";
  co_return co_await tcp::run_in(reads ? database_ : writing_,
                                 [&] { return answer_api(request, store_, feed_); });
}

}  // namespace poetry::sync::http
