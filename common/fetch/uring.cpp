// The strategy over io_uring: all tasks in one loop that hands connects, sends and receives to the
// kernel in batches, and is told when they are done.
#include <bit>
#include <cerrno>
#include <memory>
#include <unordered_map>
#include <utility>

#include "fetch/runner.hpp"
#include "fetch/socket_io.hpp"
#include "fetch/strategies.hpp"
#include "net/limits.hpp"
#include "net/socket.hpp"
#include "reactor/ring.hpp"

namespace poetry::fetch {
namespace {

// What all tasks may receive in a turn, 2 MiB: who is left without a buffer is first in the next.
constexpr reactor::Ring::Buffers task_buffers{128, 16384};

/// A socket and what the ring has to do with it. It stays until all of that is over.
struct RingSocket final : TaskSocket {
  using TaskSocket::TaskSocket;
  net::Address address;  // as long as it connects
  unsigned under_way = 0;
  bool receiving = false;
  bool sending = false;
  bool closed = false;  // what is still under way is void, and its task may be gone
};

/// Which operation it is, in the lower bits of a tag; the upper ones are its socket.
enum class Operation : std::uint64_t { connect = reactor::Ring::others, connected, send, receive };
constexpr std::uint64_t operation_bits = 7;
static_assert(alignof(RingSocket) > operation_bits);

std::uint64_t operation_tag(Operation operation, const RingSocket& socket) {
  return std::bit_cast<std::uintptr_t>(&socket) | static_cast<std::uint64_t>(operation);
}

/// By the operations of an io_uring, in which it waits for other descriptors as well.
class RingTransport final : public Transport {
 public:
  /// Raises std::system_error.
  explicit RingTransport(Observer& observer) : observer_(observer), ring_(task_buffers) {
    ring_.pass_on([this](const reactor::Completion& completion) { complete(completion); });
  }

  reactor::Multiplexer& multiplexer() { return ring_; }

  // The socket does not block as long as it connects. Then the kernel tells at once that the
  // connect is in progress, and a poll when it is over: io_uring's own connect would call
  // connect(2) again by then, and that throws away what a server sent before a reset.
  std::unique_ptr<TaskSocket> connect(base::Fd socket, Task& task, std::size_t index,
                                      const net::Address& address) override {
    auto made = std::make_unique<RingSocket>(std::move(socket), task, index);
    made->address = address;
    ring_.connect(made->fd.get(), made->address, operation_tag(Operation::connect, *made));
    ++made->under_way;
    return made;
  }

  void transfer(TaskSocket& connected, const Transfer& what) override {
    auto& socket = static_cast<RingSocket&>(connected);
    if (socket.receiving && what.max == 0)
      ring_.cancel_one(operation_tag(Operation::receive, socket));
    if (!socket.receiving && what.max > 0) {
      ring_.receive(socket.fd.get(), operation_tag(Operation::receive, socket));
      socket.receiving = true;
      ++socket.under_way;
    }
    if (!socket.sending && !what.unsent.empty()) {
      ring_.send(socket.fd.get(), what.unsent, operation_tag(Operation::send, socket));
      socket.sending = true;
      ++socket.under_way;
    }
  }

  void close(std::unique_ptr<TaskSocket> socket) override {
    auto& its = static_cast<RingSocket&>(*socket);
    if (its.under_way == 0) return;
    ring_.cancel(its.fd.get());
    ring_.flush();  // now the descriptor is free for others
    its.fd.reset();
    its.closed = true;
    closed_[&its] = std::move(socket);
  }

 private:
  void complete(const reactor::Completion& completion) {
    const auto operation = static_cast<Operation>(completion.tag & operation_bits);
    auto& socket =
        *std::bit_cast<RingSocket*>(static_cast<std::uintptr_t>(completion.tag & ~operation_bits));
    if (!completion.more) --socket.under_way;
    if (!socket.closed) {
      tell(socket, operation, completion);
    } else if (socket.under_way == 0) {
      closed_.erase(&socket);
    }
  }

  void tell(RingSocket& socket, Operation operation, const reactor::Completion& completion) {
    const auto now = base::Clock::now();
    const std::error_code error{completion.result < 0 ? -completion.result : 0,
                                std::generic_category()};
    auto& task = socket.task;
    switch (operation) {
      case Operation::connect:
        if (completion.result != -EINPROGRESS)
          return finish_connecting(socket, net::explained(error, socket.address));
        ring_.poll(socket.fd.get(), reactor::Interest::write,
                   operation_tag(Operation::connected, socket));
        ++socket.under_way;
        return;
      case Operation::connected:
        return finish_connecting(socket, net::connect_outcome(socket.fd.get()).error);
      case Operation::send:
        socket.sending = false;
        if (error) task.fetch().send_failed(error, now);
        if (!error) task.fetch().sent(static_cast<std::size_t>(completion.result), now);
        break;
      case Operation::receive:
        socket.receiving = completion.more;
        // Without a buffer, or ended by transfer(), it is to be asked for anew.
        if (error != std::errc::no_buffer_space && error != std::errc::operation_canceled)
          SocketIo::deliver(task.fetch(), observer_, completion.bytes, error, now);
    }
    task.advance();
  }

  void finish_connecting(RingSocket& socket, std::error_code error) {
    net::let_block(socket.fd.get());
    socket.task.connect_ended(socket, error, base::Clock::now());
  }

  Observer& observer_;
  std::unordered_map<const RingSocket*, std::unique_ptr<TaskSocket>> closed_;  // not over yet
  reactor::Ring ring_;  // goes first: from then on the kernel writes nowhere
};

}  // namespace

Result run_uring(const Batch& batch, Observer& observer, net::Signals& signals) {
  RingTransport transport(observer);
  reactor::EventLoop loop(transport.multiplexer(), Runner::tick);
  return Runner(loop, transport, batch, observer, signals).run();
}

}  // namespace poetry::fetch
