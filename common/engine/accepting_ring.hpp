// The multiplexer of the uring engine: an io_uring that accepts by itself at ports without a limit,
// waits for the few other descriptors without data of their own, and passes on what other
// operations came to. Owned by one Engine::serve(); borrows the ports.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/ring_multiplexer.hpp"

namespace poetry::engine {

class AcceptingRing final : public reactor::Multiplexer {
 public:
  /// The operations whose completions are passed on have one of these in the lower bits of their
  /// tags; the upper ones are theirs.
  enum class Operation : std::uint64_t { send = reactor::RingMultiplexer::others, receive };
  static constexpr std::uint64_t operation_bits = 7;

  /// Raises std::system_error.
  explicit AcceptingRing(std::span<Port> ports);
  AcceptingRing(const AcceptingRing&) = delete;
  AcceptingRing& operator=(const AcceptingRing&) = delete;
  ~AcceptingRing() override;

  [[nodiscard]] reactor::Ring& ring() { return polls_.ring(); }
  /// As of RingMultiplexer.
  [[nodiscard]] std::uint64_t waits() const { return polls_.waits(); }
  [[nodiscard]] bool has_handed_over(std::uint64_t waits) const {
    return polls_.has_handed_over(waits);
  }
  /// Must be set before there are such operations.
  void pass_on(reactor::RingMultiplexer::Handler handler) { handler_ = std::move(handler); }

  void set(int fd, reactor::Interest interest) override;
  std::span<const reactor::Ready> wait(base::Duration timeout) override;
  void hand_over() override { polls_.hand_over(); }

  /// The next connection at the port, of which calls may block.
  net::Accepted take_from(Port& port);

 private:
  /// A port and what was accepted there and not yet taken.
  struct Accepting {
    Accepting(const Port& its_port, std::size_t at);

    const Port* port;
    std::size_t index;  // among all
    int listener;
    bool handed_down;        // to another process, when this one has died
    bool by_itself = false;  // whether the ring accepts, or tells that accept(2) would
    bool wanted = false;
    bool asked = false;       // an accept is under way
    std::uint32_t round = 0;  // which accept it is, so that late completions are told apart
    std::deque<base::Fd> waiting;
    int error = 0;  // why it accepts no more
  };

  void ask(Accepting& accepting);
  void stop(Accepting& accepting);
  void take(const reactor::Completion& completion);
  void report();
  Accepting* find(int listener);

  std::deque<Accepting> accepting_;
  std::vector<Accepting*> to_ask_;  // whose accept is over
  std::size_t waiting_ = 0;         // connections and errors at all ports
  std::vector<reactor::Ready> ready_;
  reactor::RingMultiplexer::Handler handler_;
  reactor::RingMultiplexer polls_;  // goes first
};

}  // namespace poetry::engine
