#include "control/server.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "tcp/token.hpp"

namespace poetry::sync::control {
namespace {

namespace asio = boost::asio;

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
  bool trusted = options_.token.empty();
  std::string buffer;  // received, and not yet answered
  Reply reply;
  while (reply.after == After::go_on) {
    tcp::Error error;
    connection.expires_after(options_.idle_timeout);
    const auto size = co_await asio::async_read_until(
        connection.socket, asio::dynamic_buffer(buffer, longest_line), '\n', tcp::into(error));
    if (error && error != asio::error::not_found) co_return;
    auto line = buffer.substr(0, error ? 0 : size - 1);
    buffer.erase(0, size);
    if (line.ends_with('\r')) line.pop_back();
    if (error) {
      reply = {.line = "error the line is too long", .after = After::close};
    } else if (trusted) {
      reply = co_await ask(line);
    } else if (tcp::is_same_secret(line, "token " + options_.token)) {
      trusted = true;
      reply = {.line = "ok"};
    } else {
      reply = {.line = "error this server asks for its token: token TOKEN", .after = After::close};
    }
    reply.line += '\n';
    connection.expires_after(options_.idle_timeout);
    co_await asio::async_write(connection.socket, asio::buffer(reply.line), tcp::awaited);
  }
  if (reply.after == After::quit) quit_();
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
    tcp::Error cancelled;
    co_await timer.async_wait(tcp::into(cancelled));
    waiting_.erase(&timer);
  }
}

}  // namespace poetry::sync::control
