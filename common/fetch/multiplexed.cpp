// The strategies over a multiplexer: all tasks in one loop, on sockets that do not block.
#include <memory>
#include <utility>

#include "fetch/runner.hpp"
#include "fetch/socket_io.hpp"
#include "fetch/strategies.hpp"
#include "net/socket.hpp"

namespace poetry::fetch {
namespace {

/// By system calls, once the multiplexer says that they go.
class MultiplexerTransport final : public Transport {
 public:
  MultiplexerTransport(reactor::EventLoop& loop, Observer& observer)
      : loop_(loop), io_(observer, SocketIo::shared_room) {}

  std::unique_ptr<TaskSocket> connect(base::Fd socket, Task& task, std::size_t index,
                                      const net::Address& address) override {
    auto made = std::make_unique<Socket>(*this, std::move(socket), task, index);
    const auto started = net::start_connect(made->fd.get(), address);
    if (started.status == net::IoStatus::would_block) {
      watch(*made, reactor::Interest::write);
    } else {
      made->ended = started.error;
    }
    return made;
  }

  void transfer(TaskSocket& connected, const Transfer& what) override {
    auto& socket = static_cast<Socket&>(connected);
    // Who has answered by the next turn needs no watch, which costs more than to look.
    const bool fresh = !std::exchange(socket.connected, true);
    if (fresh && socket.watched == reactor::Interest::none) return loop_.wake_next(socket);
    const auto reads = what.max > 0 ? reactor::Interest::read : reactor::Interest::none;
    watch(socket, what.unsent.empty() ? reads : reads | reactor::Interest::write);
  }

  void close(std::unique_ptr<TaskSocket> socket) override {
    if (static_cast<Socket&>(*socket).watched != reactor::Interest::none)
      loop_.forget(socket->fd.get());
  }

 private:
  struct Socket final : TaskSocket, reactor::Waiter {
    Socket(MultiplexerTransport& its_transport, base::Fd made, Task& whose, std::size_t at)
        : TaskSocket(std::move(made), whose, at), transport(its_transport) {}
    void wake(reactor::Interest what) override { transport.ready(*this, what); }

    MultiplexerTransport& transport;
    reactor::Interest watched = reactor::Interest::none;
    bool connected = false;
  };

  void watch(Socket& socket, reactor::Interest interest) {
    if (interest == socket.watched) return;
    loop_.watch(socket.fd.get(), interest, socket);
    socket.watched = interest;
  }

  /// The task may close the socket.
  void ready(Socket& socket, reactor::Interest what) {
    auto& task = socket.task;
    if (!socket.connected) {
      const auto came = net::connect_outcome(socket.fd.get());
      if (came.status == net::IoStatus::would_block) return;
      return task.connect_ended(socket, came.error, loop_.now());
    }
    if (what != reactor::Interest::read) SocketIo::send(task.fetch(), socket.fd.get());
    if (what != reactor::Interest::write) io_.receive(task.fetch(), socket.fd.get(), loop_.now());
    task.advance();
  }

  reactor::EventLoop& loop_;
  SocketIo io_;
};

}  // namespace

Result run_multiplexed(reactor::Multiplexer& multiplexer, const Batch& batch, Observer& observer,
                       net::Signals& signals) {
  reactor::EventLoop loop(multiplexer, Runner::tick);
  MultiplexerTransport transport(loop, observer);
  return Runner(loop, transport, batch, observer, signals).run();
}

}  // namespace poetry::fetch
