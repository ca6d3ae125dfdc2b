// Multiplexer by an io_uring (io_uring(7)), for a loop that has other operations in it as well: the
// kernel carries them out in batches, and what they came to is passed on. Owned by whoever runs the
// loop, in the thread that made it. It borrows descriptors, addresses and bytes: keep them until an
// operation's last completion has come, also after cancel(). Made only where the build has
// liburing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "reactor/multiplexer.hpp"

struct io_uring;
struct io_uring_sqe;
struct io_uring_buf_ring;

namespace poetry::reactor {

/// What an operation came to.
struct Completion {
  std::uint64_t tag = 0;   ///< of the operation
  int result = 0;          ///< as of the system call, or -errno
  bool more = false;       ///< the operation goes on; otherwise this is its last completion
  std::string_view bytes;  ///< received, until the next call of wait()
};

class Ring final : public Multiplexer {
 public:
  /// Gets the completions of operations whose tags have this bit, which are not its own.
  using Handler = std::function<void(const Completion&)>;
  static constexpr std::uint64_t others = 4;

  /// How much can be received in one turn before anybody looks at it. `count` is a power of two.
  struct Buffers {
    unsigned count;
    unsigned size;
  };

  /// Raises std::system_error where the kernel refuses, which says what helps.
  explicit Ring(const Buffers& buffers);
  ~Ring() override;

  /// Raises what the constructor would where the kernel refuses.
  static void try_out();

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

  // Operations. The kernel begins them with the next wait(), or sooner. Sockets are blocking ones:
  // on others, operations fail with EAGAIN in place of waiting. A tag is not 0.

  /// On a non-blocking socket, for which EINPROGRESS is a result like any other.
  void connect(int socket, const net::Address& address, std::uint64_t tag);
  /// Sends some of the bytes, at least one. They are not empty.
  void send(int socket, std::string_view bytes, std::uint64_t tag);
  /// Receives again and again, until the peer's FIN (0) or an error; ENOBUFS where all buffers were
  /// full, after which it may be asked for anew.
  void receive(int socket, std::uint64_t tag);
  /// Tells once that the descriptor is ready, or has failed.
  void poll(int fd, Interest interest, std::uint64_t tag);
  /// Ends all operations on the descriptor, which complete with ECANCELED unless they are done.
  void cancel(int fd);
  /// Ends the operation with this tag in the same way.
  void cancel_one(std::uint64_t tag);

  /// Hands over what was asked, so that what was cancelled is over: its descriptor can be closed.
  void flush();

 private:
  struct Watch {
    Interest interest = Interest::none;
    bool asked = false;       // a poll is under way
    std::uint32_t round = 0;  // which poll it is, so that late completions are told apart
  };

  void lend_buffers();
  void give_back();
  io_uring_sqe& prepare(std::uint64_t tag);
  void submit();
  void wait_for_completions(base::Duration timeout);
  void collect();
  void ask(int fd, Watch& watch);

  std::vector<Watch> watches_;  // by descriptor
  std::vector<int> to_ask_;     // descriptors whose poll is used up
  std::uint64_t waits_ = 0;
  bool handing_over_ = false;
  std::size_t handed_over_ = 0;  // of the completions
  std::vector<Ready> ready_;
  Handler handler_;
  Buffers buffers_;
  std::unique_ptr<char[]> memory_;  // of the buffers; not written before it is used
  // The kernel takes buffers from here.
  std::unique_ptr<io_uring_buf_ring, void (*)(void*)> lent_{nullptr, nullptr};
  // Goes before what the kernel writes to.
  std::unique_ptr<io_uring, void (*)(io_uring*)> ring_{nullptr, nullptr};
  std::vector<Completion> completions_;
  std::vector<std::uint16_t> filled_;  // buffers that completions_ show
};

}  // namespace poetry::reactor
