// A multiplexer that waits by an io_uring, for a loop that has other operations in the same ring:
// what those came to it passes on. Owned by whoever runs the loop, in the thread that made it.
#pragma once

#include <functional>
#include <vector>

#include "reactor/multiplexer.hpp"
#include "reactor/ring.hpp"

namespace poetry::reactor {

class RingMultiplexer final : public Multiplexer {
 public:
  /// Gets the completions of operations whose tags have this bit, which are not its own.
  using Handler = std::function<void(const Completion&)>;
  static constexpr std::uint64_t others = 4;

  /// Raises std::system_error.
  explicit RingMultiplexer(const Ring::Buffers& buffers) : ring_(buffers) {}

  [[nodiscard]] Ring& ring() { return ring_; }
  /// Must be set before there are such operations.
  void pass_on(Handler handler) { handler_ = std::move(handler); }

  void set(int fd, Interest interest) override;
  std::span<const Ready> wait(base::Duration timeout) override;
  void hand_over() override;

  /// How often it has waited.
  [[nodiscard]] std::uint64_t waits() const { return waits_; }
  /// Whether all is handed over that an operation, asked for after so many waits, has come to by
  /// now: the next wait hands it over, and passes on what that one and the others came to one by
  /// one.
  [[nodiscard]] bool has_handed_over(std::uint64_t waits) const {
    return !handing_over_ && waits != waits_;
  }

 private:
  struct Watch {
    Interest interest = Interest::none;
    bool asked = false;       // a poll is under way
    std::uint32_t round = 0;  // which poll it is, so that late completions are told apart
  };

  void ask(int fd, Watch& watch);
  void complete(const Completion& completion);

  std::vector<Watch> watches_;  // by descriptor
  std::vector<int> to_ask_;     // descriptors whose poll is used up
  std::uint64_t waits_ = 0;
  bool handing_over_ = false;
  std::span<const Completion> completions_;
  std::vector<Ready> ready_;
  Handler handler_;
  Ring ring_;  // goes first
};

}  // namespace poetry::reactor
