// The multiplexer of the uring engine: an io_uring that waits for the few descriptors without data
// of their own, accepts by itself at ports without a limit, and passes on what other operations
// came to. Owned by one Engine::serve(); borrows the ports.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/fd.hpp"
#include "engine/engine.hpp"
#include "net/socket.hpp"
#include "reactor/multiplexer.hpp"
#include "reactor/ring.hpp"

namespace poetry {

class RingMultiplexer final : public Multiplexer {
 public:
  /// Gets the completions of operations whose tags end in this bit, which are not its own.
  using Handler = std::function<void(const Completion&)>;
  static constexpr std::uint64_t others = 4;

  /// Raises std::system_error.
  explicit RingMultiplexer(std::span<Port> ports);
  RingMultiplexer(const RingMultiplexer&) = delete;
  RingMultiplexer& operator=(const RingMultiplexer&) = delete;
  ~RingMultiplexer() override;

  [[nodiscard]] Ring& ring() { return ring_; }
  /// Must be set before there are such operations.
  void pass_on(Handler handler) { handler_ = std::move(handler); }

  void set(int fd, Interest interest) override;
  std::span<const Ready> wait(Duration timeout) override;

  /// The next connection at the port, of which calls may block.
  Accepted take_from(Port& port);

 private:
  struct Watch {
    Interest interest = Interest::none;
    bool asked = false;       // a poll or accept is under way
    std::uint32_t round = 0;  // which poll or accept it is, so that late completions are told apart
  };
  /// What was accepted at a port and not yet taken.
  struct Door {
    const Port* port;
    int listener;
    std::deque<Fd> waiting;
    int error = 0;           // why it accepts no more
    bool handed_down;        // to another process, when this one has died
    bool by_itself = false;  // whether the ring accepts, or tells that accept(2) would
  };

  void ask(int fd, Watch& watch);
  void complete(const Completion& completion);
  void accepted(Door& door, int result);
  void report_doors();
  Door* door_of(int fd);

  std::vector<Watch> watches_;  // by descriptor
  std::vector<int> to_ask_;     // descriptors whose poll is used up
  std::deque<Door> doors_;
  std::size_t waiting_ = 0;  // connections and errors at all doors
  std::vector<Ready> ready_;
  Handler handler_;
  Ring ring_;  // goes first
};

}  // namespace poetry
