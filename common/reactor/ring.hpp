// An io_uring (io_uring(7)): operations that the kernel carries out in batches, and their
// completions. Owned by whoever runs a loop over it, in the thread that made it. It borrows
// descriptors, addresses and bytes: keep them until an operation's last completion has come, also
// after cancel(). Made only where the build has liburing.
#pragma once

#include <cstdint>
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

class Ring {
 public:
  /// How much can be received in one turn before anybody looks at it. `count` is a power of two.
  struct Buffers {
    unsigned count;
    unsigned size;
  };

  /// Raises std::system_error where the kernel refuses, which says what helps.
  explicit Ring(const Buffers& buffers);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Raises what the constructor would where the kernel refuses.
  static void try_out();

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
  /// Hands over what was asked, and waits until something is complete, the time has passed or a
  /// signal has come. The list is valid until the next call. Raises std::system_error.
  std::span<const Completion> wait(base::Duration timeout);

 private:
  struct Closer {
    void operator()(io_uring* ring) const;
  };

  void lend_buffers();
  void give_back();
  io_uring_sqe& prepare();
  void submit();
  void collect();

  Buffers buffers_;
  std::unique_ptr<char[]> memory_;  // of the buffers; not written before it is used
  struct Pages {
    void operator()(io_uring_buf_ring* pages) const;
  };
  std::unique_ptr<io_uring_buf_ring, Pages> lent_;  // the kernel takes buffers from here
  std::unique_ptr<io_uring, Closer> ring_;          // goes before what the kernel writes to
  std::vector<Completion> completions_;
  std::vector<std::uint16_t> filled_;  // buffers that completions_ show
};

}  // namespace poetry::reactor
