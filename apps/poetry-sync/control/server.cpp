#include "control/server.hpp"

#include <array>
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

#include "base/log.hpp"
#include "control/lines.hpp"
#include "tcp/listening.hpp"
#include "tcp/token.hpp"

namespace poetry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
using asio::awaitable;
using asio::use_awaitable;

constexpr std::size_t longest_line = 1024;
// Who has gone is seen when something is sent to it.
constexpr auto longest_wait = std::chrono::seconds(10);
constexpr auto drain_time = std::chrono::seconds(1);
constexpr auto pause_after_failure = std::chrono::milliseconds(100);

}  // namespace

class Control::Server {
 public:
  Server(ControlOptions options, Fd listener, asio::io_context& io, asio::thread_pool& database,
         Store& store, std::function<void()> quit)
      : options_(std::move(options)),
        io_(io),
        database_(database),
        lines_(store),
        quit_(std::move(quit)),
        acceptor_(acceptor_of(io_, std::move(listener))) {
    asio::co_spawn(io_, accept(), asio::detached);
  }
  [[nodiscard]] HostPort where() const {
    return {options_.listen.host, acceptor_.local_endpoint().port()};
  }
  void stop();
  void wake() {
    asio::post(io_, [this] {
      ++changes_;
      for (auto* each : waiting_) each->cancel();
    });
  }

 private:
  using After = ControlLines::After;

  /// A connection. Its timer holds it, too.
  struct Peer : std::enable_shared_from_this<Peer> {
    Peer(tcp::socket from, asio::steady_timer timer)
        : socket(std::move(from)), late(std::move(timer)) {}
    /// Ends what the socket waits for then.
    void expire_after(Duration time);

    tcp::socket socket;
    asio::steady_timer late;
    std::string buffer;  // received, and not yet answered
    bool trusted = false;
  };

  awaitable<void> accept();
  awaitable<void> serve(tcp::socket socket);
  awaitable<After> serve_line(Peer& peer);
  awaitable<ControlLines::Reply> answer(Peer& peer, std::size_t size);
  awaitable<ControlLines::Reply> ask(const std::string& line);
  awaitable<void> look_up(const std::string& line, ControlLines::Reply& reply);
  awaitable<void> drain(Peer& peer);
  awaitable<void> pause(Duration time);

  const ControlOptions options_;
  asio::io_context& io_;
  asio::thread_pool& database_;
  ControlLines lines_;
  const std::function<void()> quit_;
  Acceptor acceptor_;
  std::uint64_t changes_ = 0;              // of the store, of which was told
  std::set<asio::steady_timer*> waiting_;  // for the next of them
  std::set<Peer*> peers_;
  bool stopping_ = false;
};

void Control::Server::stop() {
  stopping_ = true;
  Error ignored;
  acceptor_.close(ignored);
  for (auto* each : waiting_) each->cancel();
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
      log_warn("accept: {}", error.message());
      co_await pause(pause_after_failure);
    }
  }
}

void Control::Server::Peer::expire_after(Duration time) {
  late.expires_at(later(Clock::now(), time));
  late.async_wait([self = shared_from_this()](Error error) {
    Error ignored;
    if (!error) self->socket.cancel(ignored);
  });
}

awaitable<void> Control::Server::serve(tcp::socket socket) {
  const auto peer = std::make_shared<Peer>(std::move(socket), asio::steady_timer(io_));
  peer->trusted = options_.token.empty();
  const struct Counted {
    std::set<Peer*>& all;
    Peer* const one;
    ~Counted() { all.erase(one); }
  } counted{peers_, *peers_.insert(peer.get()).first};
  try {
    auto after = After::go_on;
    while (after == After::go_on) after = co_await serve_line(*peer);
    if (after == After::quit) quit_();
    if (!stopping_) co_await drain(*peer);
  } catch (const std::exception& error) {
    log_debug("control: {}", error.what());  // the peer is gone
  }
  peer->late.cancel();
}

awaitable<Control::Server::After> Control::Server::serve_line(Peer& peer) {
  Error error;
  peer.expire_after(options_.idle_timeout);
  const auto size =
      co_await asio::async_read_until(peer.socket, asio::dynamic_buffer(peer.buffer, longest_line),
                                      '\n', asio::redirect_error(use_awaitable, error));
  ControlLines::Reply reply;
  if (error == asio::error::not_found) {
    reply = {.line = "error the line is too long", .after = After::close};
  } else if (error) {
    co_return After::close;
  } else {
    peer.late.cancel();
    reply = co_await answer(peer, size);
  }
  reply.line += '\n';
  peer.expire_after(options_.idle_timeout);
  co_await asio::async_write(peer.socket, asio::buffer(reply.line), use_awaitable);
  co_return reply.after;
}

/// What the line at the beginning of the buffer is answered; takes it from there.
awaitable<ControlLines::Reply> Control::Server::answer(Peer& peer, std::size_t size) {
  auto line = peer.buffer.substr(0, size - 1);
  peer.buffer.erase(0, size);
  if (line.ends_with('\r')) line.pop_back();
  if (peer.trusted) co_return co_await ask(line);
  peer.trusted = is_same_secret(line, "token " + options_.token);
  if (peer.trusted) co_return ControlLines::Reply{.line = "ok"};
  co_return ControlLines::Reply{.line = "error this server asks for its token: token TOKEN",
                                .after = After::close};
}

/// Asks again until there is something to say, or the wait has been long.
awaitable<ControlLines::Reply> Control::Server::ask(const std::string& line) {
  const auto until = Clock::now() + longest_wait;
  for (;;) {
    const auto seen = changes_;
    ControlLines::Reply reply;
    co_await look_up(line, reply);
    if (stopping_ || !reply.line.empty()) co_return reply;
    if (Clock::now() >= until) co_return ControlLines::Reply{.line = "wait"};
    if (seen != changes_) continue;
    asio::steady_timer timer(io_, until);
    waiting_.insert(&timer);
    Error cancelled;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, cancelled));
    waiting_.erase(&timer);
  }
}

awaitable<void> Control::Server::look_up(const std::string& line, ControlLines::Reply& reply) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): no coroutine
  const auto begin = [&](auto handler) {
    asio::post(database_,
               [&, handler = std::move(handler), running = asio::make_work_guard(io_)]() mutable {
                 reply = lines_.answer(line);
                 asio::post(io_, std::move(handler));
               });
  };
  co_await asio::async_initiate<decltype(use_awaitable), void()>(begin, use_awaitable);
}

/// What the peer still sends is read for a moment: to close with unread input would make the kernel
/// send RST, and the peer could lose the reply.
awaitable<void> Control::Server::drain(Peer& peer) {
  Error error;
  peer.socket.shutdown(tcp::socket::shutdown_send, error);
  peer.expire_after(drain_time);
  std::array<char, 1024> unread{};
  while (!error) {
    co_await peer.socket.async_read_some(asio::buffer(unread),
                                         asio::redirect_error(use_awaitable, error));
  }
}

Control::Control(ControlOptions options, Fd listener, asio::io_context& io,
                 asio::thread_pool& database, Store& store, std::function<void()> quit)
    : server_(std::make_unique<Server>(std::move(options), std::move(listener), io, database, store,
                                       std::move(quit))) {}

Control::~Control() = default;

HostPort Control::where() const { return server_->where(); }

void Control::wake() { server_->wake(); }

void Control::stop() { server_->stop(); }

}  // namespace poetry
