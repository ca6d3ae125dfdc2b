#include "control.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <set>

#include "guard.hpp"
#include "listening.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
using asio::awaitable;
using asio::use_awaitable;

constexpr std::size_t longest_line = 1024;
constexpr auto look_again = std::chrono::milliseconds(100);
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

}  // namespace

class Control::Server {
 public:
  Server(ControlOptions options, asio::io_context& io, asio::thread_pool& database, Store& store,
         std::function<void()> quit)
      : options_(std::move(options)),
        io_(io),
        database_(database),
        lines_(store),
        quit_(std::move(quit)),
        acceptor_(listening(io_, options_.listen)) {
    asio::co_spawn(io_, accept(), asio::detached);
  }
  [[nodiscard]] HostPort where() const {
    return {options_.listen.host, acceptor_.local_endpoint().port()};
  }
  void stop();

 private:
  struct Peer : std::enable_shared_from_this<Peer> {
    Peer(tcp::socket from, asio::steady_timer timer)
        : socket(std::move(from)), idle(std::move(timer)) {}
    tcp::socket socket;
    asio::steady_timer idle;
  };

  awaitable<void> accept();
  awaitable<void> serve(tcp::socket socket);
  awaitable<bool> serve_line(Peer& peer, std::string& buffer, bool& trusted);
  awaitable<ControlLines::Reply> ask(const std::string& line);
  awaitable<void> pause(Duration time);

  const ControlOptions options_;
  asio::io_context& io_;
  asio::thread_pool& database_;
  ControlLines lines_;
  const std::function<void()> quit_;
  Acceptor acceptor_;
  std::set<Peer*> peers_;
  bool stopping_ = false;
};

void Control::Server::stop() {
  stopping_ = true;
  Error ignored;
  acceptor_.close(ignored);
  for (auto* peer : peers_) peer->socket.close(ignored);
}

awaitable<void> Control::Server::pause(Duration time) {
  asio::steady_timer timer(io_, time);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> Control::Server::accept() {
  while (!stopping_) {
    Error error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, error));
    if (!error) {
      asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
    } else if (!stopping_) {
      spdlog::warn("accept: {}", error.message());
      co_await pause(pause_after_failure);
    }
  }
}

awaitable<void> Control::Server::serve(tcp::socket socket) {
  const auto shared = std::make_shared<Peer>(std::move(socket), asio::steady_timer(io_));
  auto& peer = *shared;
  const struct Counted {
    std::set<Peer*>& all;
    Peer* const one;
    ~Counted() { all.erase(one); }
  } counted{peers_, *peers_.insert(&peer).first};
  std::string buffer;
  bool trusted = options_.token.empty();
  try {
    while (co_await serve_line(peer, buffer, trusted)) {
    }
  } catch (const std::exception& error) {
    spdlog::debug("control: {}", error.what());  // the peer is gone
  }
}

/// False where the connection is over.
awaitable<bool> Control::Server::serve_line(Peer& peer, std::string& buffer, bool& trusted) {
  peer.idle.expires_after(options_.idle_timeout);
  peer.idle.async_wait([late = peer.shared_from_this()](Error error) {
    Error ignored;
    if (!error) late->socket.cancel(ignored);
  });
  Error error;
  const auto size =
      co_await asio::async_read_until(peer.socket, asio::dynamic_buffer(buffer, longest_line), '\n',
                                      asio::redirect_error(use_awaitable, error));
  peer.idle.cancel();
  ControlLines::Reply reply;
  if (error == asio::error::not_found) {
    reply = {.line = "error the line is too long", .after = ControlLines::After::close};
  } else if (error) {
    co_return false;
  } else {
    const auto line = buffer.substr(0, size - 1);
    buffer.erase(0, size);
    if (!trusted) {
      trusted = is_same_secret(line, "token " + options_.token);
      reply = {.line = trusted ? "ok" : "error this server asks for its token: token TOKEN",
               .after = trusted ? ControlLines::After::go_on : ControlLines::After::close};
    } else {
      reply = co_await ask(line);
    }
  }
  reply.line += '\n';
  co_await asio::async_write(peer.socket, asio::buffer(reply.line), use_awaitable);
  if (reply.after == ControlLines::After::quit) quit_();
  co_return reply.after == ControlLines::After::go_on;
}

/// Asks again until there is something to say.
awaitable<ControlLines::Reply> Control::Server::ask(const std::string& line) {
  for (;;) {
    ControlLines::Reply reply;
    const auto begin = [&](auto handler) {
      asio::post(database_,
                 [&, handler = std::move(handler), running = asio::make_work_guard(io_)]() mutable {
                   reply = lines_.answer(line);
                   asio::post(io_, std::move(handler));
                 });
    };
    co_await asio::async_initiate<decltype(use_awaitable), void()>(begin, use_awaitable);
    if (stopping_ || !reply.line.empty()) co_return reply;
    co_await pause(look_again);
  }
}

Control::Control(ControlOptions options, asio::io_context& io, asio::thread_pool& database,
                 Store& store, std::function<void()> quit)
    : server_(std::make_unique<Server>(std::move(options), io, database, store, std::move(quit))) {}

Control::~Control() = default;

HostPort Control::where() const { return server_->where(); }

void Control::stop() { server_->stop(); }

}  // namespace poetry
