#include "control/server.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "tcp/coroutine.hpp"
#include "tcp/token.hpp"

namespace poetry::sync::control {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;

constexpr std::size_t longest_line = 1024;
// Who has gone is seen when something is sent to it.
constexpr auto longest_wait = std::chrono::seconds(10);

}  // namespace

Control::Control(ControlOptions options, base::Fd listener, asio::io_context& io,
                 asio::thread_pool& database, store::Store& store, std::function<void()> quit)
    : options_(std::move(options)),
      io_(io),
      database_(database),
      store_(store),
      quit_(std::move(quit)),
      tcp_(io, std::move(listener), "control",
           [this](tcp::TcpConnection& connection) { return serve(connection); }) {}

void Control::wake() {
  asio::post(io_, [this] {
    ++changes_;
    for (auto* each : waiting_) each->cancel();
  });
}

void Control::stop() {
  tcp_.stop();
  for (auto* each : waiting_) each->cancel();
}

tcp::Coroutine<void> Control::serve(tcp::TcpConnection& connection) {
  Peer peer{.connection = connection, .trusted = options_.token.empty()};
  auto after = After::go_on;
  while (after == After::go_on) after = co_await serve_line(peer);
  if (after == After::quit) quit_();
}

tcp::Coroutine<After> Control::serve_line(Peer& peer) {
  auto& connection = peer.connection;
  Error error;
  connection.expires_after(options_.idle_timeout);
  const auto size = co_await asio::async_read_until(
      connection.socket, asio::dynamic_buffer(peer.buffer, longest_line), '\n', tcp::into(error));
  Reply reply;
  if (error == asio::error::not_found) {
    reply = {.line = "error the line is too long", .after = After::close};
  } else if (error) {
    co_return After::close;
  } else {
    reply = co_await answer(peer, size);
  }
  reply.line += '\n';
  connection.expires_after(options_.idle_timeout);
  co_await asio::async_write(connection.socket, asio::buffer(reply.line), tcp::awaited);
  co_return reply.after;
}

/// What the line at the beginning of the buffer is answered; takes it from there.
tcp::Coroutine<Reply> Control::answer(Peer& peer, std::size_t size) {
  auto line = peer.buffer.substr(0, size - 1);
  peer.buffer.erase(0, size);
  if (line.ends_with('\r')) line.pop_back();
  if (peer.trusted) co_return co_await ask(line);
  peer.trusted = tcp::is_same_secret(line, "token " + options_.token);
  if (peer.trusted) co_return Reply{.line = "ok"};
  co_return Reply{.line = "error this server asks for its token: token TOKEN",
                  .after = After::close};
}

/// Asks again until there is something to say, or the wait has been long.
tcp::Coroutine<Reply> Control::ask(const std::string& line) {
  const auto until = base::Clock::now() + longest_wait;
  for (;;) {
    const auto seen = changes_;
    auto reply = co_await tcp::run_in(database_, [&] { return answer_line(store_, line); });
    if (tcp_.is_stopping() || !reply.line.empty()) co_return reply;
    if (base::Clock::now() >= until) co_return Reply{.line = "wait"};
    if (seen != changes_) continue;
    tcp::SteadyTimer timer(io_, until);
    waiting_.insert(&timer);
    Error cancelled;
    co_await timer.async_wait(tcp::into(cancelled));
    waiting_.erase(&timer);
  }
}

}  // namespace poetry::sync::control
