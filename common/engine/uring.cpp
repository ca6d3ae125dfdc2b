// The engine over io_uring, in one thread: what connections send goes to the kernel in a batch each
// turn, and what they receive comes without being asked for again.
#include <bit>
#include <cerrno>
#include <string>
#include <utility>

#include "engine/engine.hpp"
#include "engine/linked_loop.hpp"
#include "reactor/ring.hpp"

namespace poetry::engine {
namespace {

/// What all connections together may send to the server in a turn, 64 KiB. A connection that cannot
/// take it at once keeps it, and so never more than that.
constexpr reactor::Ring::Buffers receive_buffers{16, 4096};

/// In one operation. No more goes into a socket at a time than its buffer holds, mostly less.
constexpr std::size_t max_sent = std::size_t{1} << 20;

/// What a connection received and could not take yet.
struct Received {
  std::string bytes;
  bool ended = false;  // behind them
  int failed = 0;      // by this error
};

/// Which operation it is, in the lower bits of a tag; the upper ones are its link.
enum class What : std::uint64_t { send = reactor::Ring::others, receive };
constexpr std::uint64_t operation_bits = 7;

/// The operations of a connection, of which the kernel keeps the address of the link and of what is
/// sent: it stays until they are over.
struct Operations {
  std::unique_ptr<Received> received;
  std::uint64_t asked_at = 0;  // for input: after so many waits
  int sent = 0;  // what the last send came to, as of the system call, or -errno; 0: nothing new
  bool sending = false;
  bool receiving = false;
  bool stopped = false;  // its receiving, and its last completion has not come
};

class UringLoop final : public LinkedLoop<Operations> {
 public:
  UringLoop(reactor::Ring& ring, std::span<Port> ports, Host& host, const EngineOptions& options)
      : LinkedLoop(ring, ports, host, options, News::here, net::Blocking::yes), ring_(ring) {
    ring_.pass_on([this](const reactor::Completion& completion) { complete(completion); });
  }

 private:
  /// Moves a connection's bytes by what the ring has done for it.
  class Moved final : public Transport {
   public:
    Moved(Operations& link, const reactor::Ring& ring) : link_(link), ring_(ring) {}

    net::IoResult send(int /*socket*/, std::string_view /*bytes*/) override {
      const int result = std::exchange(link_.sent, 0);
      if (result == 0) return {net::IoStatus::would_block, 0, {}};
      if (result < 0) return {net::IoStatus::error, 0, {-result, std::generic_category()}};
      return {net::IoStatus::ok, static_cast<std::size_t>(result), {}};
    }

    Input receive(int /*socket*/) override {
      if (!link_.received) {
        const bool known =
            link_.receiving && !link_.stopped && ring_.has_handed_over(link_.asked_at);
        return {net::IoStatus::would_block, {}, !known};
      }
      auto& received = *link_.received;
      if (!received.bytes.empty()) {
        bytes_ = std::exchange(received.bytes, {});
        if (!received.ended && !received.failed) link_.received.reset();
        return {net::IoStatus::ok, bytes_};
      }
      if (received.ended) return {net::IoStatus::end, {}};
      return {net::IoStatus::error, {}, false, {received.failed, std::generic_category()}};
    }

   private:
    Operations& link_;
    const reactor::Ring& ring_;
    std::string bytes_;
  };

  static std::uint64_t tag_of(What what, const Link& link) {
    static_assert(alignof(Link) > operation_bits);
    return std::bit_cast<std::uintptr_t>(&link) | static_cast<std::uint64_t>(what);
  }

  /// May destroy the link.
  void complete(const reactor::Completion& completion) {
    auto& link =
        *std::bit_cast<Link*>(static_cast<std::uintptr_t>(completion.tag & ~operation_bits));
    const bool of_send = static_cast<What>(completion.tag & operation_bits) == What::send;
    if (of_send) {
      link.sending = false;
      link.sent = completion.result;
    } else {
      link.receiving = completion.more;
      link.stopped = link.stopped && completion.more;
    }
    if (link.over) {
      if (!link.sending && !link.receiving) destroy(link);
    } else if (of_send) {
      proceed(link, Event::output);
    } else if (completion.result != -ENOBUFS && completion.result != -ECANCELED) {
      // It is kept until the session listens, which mostly is at once.
      try {
        if (!link.received) link.received = std::make_unique<Received>();
        link.received->bytes.append(completion.bytes);
      } catch (const std::bad_alloc&) {  // a part of its input is lost
        link.connection.end(Reason::fault);
        return release(link);
      }
      link.received->ended = completion.result == 0;
      link.received->failed = std::max(-completion.result, 0);
      proceed(link, Event::input);
    } else {
      proceed(link, Event::nothing);
    }
  }

  void proceed(Link& link, Event event) override {
    Moved moved(link, ring_);
    const auto now = base::Clock::now();
    const auto wanted = link.connection.proceed(event, now, moved);
    if (wanted.over) return release(link);
    if (wanted.turn) return events().wake_next(link);
    events().wake_at(link, wanted.until <= now ? base::TimePoint::min() : wanted.until);
    const int socket = link.connection.socket();
    if (wanted.output && !link.sending) {
      ring_.send(socket, link.connection.unsent().substr(0, max_sent), tag_of(What::send, link));
      link.sending = true;
    }
    if (wanted.input && !link.receiving) {
      ring_.receive(socket, tag_of(What::receive, link));
      link.receiving = true;
      link.asked_at = ring_.waits();
    }
    if (!wanted.input && link.received && link.receiving && !link.stopped) {
      link.stopped = true;  // until the session has taken what it has
      ring_.cancel_one(tag_of(What::receive, link));
    }
  }

  void release(Link& link) override {
    link.over = true;
    events().wake_at(link, base::never);
    if (!link.sending && !link.receiving) {
      destroy(link);
    } else {
      ring_.cancel(link.connection.socket());
    }
  }

  reactor::Ring& ring_;
};

}  // namespace

Engine make_uring_engine() {
  reactor::Ring::try_out();
  return {[](std::span<Port> ports, Host& host, const EngineOptions& options) {
            reactor::Ring ring(receive_buffers);
            UringLoop(ring, ports, host, options).run();
          },
          [] { return descriptor_capacity(); }};
}

}  // namespace poetry::engine
