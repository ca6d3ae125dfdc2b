// The floor of a client: fetches COUNT poems from one server, at most PARALLEL at once, by raw
// epoll, and throws the bytes away. With REQUEST, which it sends first, it speaks to servers that
// want to be asked. Prints one JSON object.

#include <array>
#include <cerrno>
#include <iostream>
#include <vector>

#include "base/clock.hpp"
#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "loopback.hpp"
#include "net/limits.hpp"

namespace poetry::bench {
namespace {

constexpr std::uint32_t to_read = EPOLLIN | EPOLLRDHUP;
constexpr std::size_t read_size = 256 * 1024;  // few calls, and still within the cache

class Fetches {
 public:
  Fetches(unsigned port, std::size_t count, std::string request)
      : server_(loopback("127.0.0.1", port)),
        to_start_(count),
        to_end_(count),
        request_(std::move(request)) {}

  void run(std::size_t parallel) {
    sockets_.resize(std::min(parallel, to_start_));
    for (std::uint32_t slot = 0; slot < sockets_.size(); ++slot) start(slot);
    std::array<epoll_event, 256> events{};
    while (to_end_ > 0) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) serve(events[i]);
    }
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }

 private:
  void start(std::uint32_t slot) {
    if (to_start_ == 0) return;
    --to_start_;
    sockets_[slot] = stream_socket();
    const int socket = sockets_[slot].get();
    if (::connect(socket, as_sockaddr(server_), sizeof server_) < 0 && errno != EINPROGRESS) {
      base::throw_errno("connect to", "the server");
    }
    watch(epoll_.get(), socket, request_.empty() ? to_read : EPOLLOUT, slot);
  }

  void serve(const epoll_event& ready) {
    const std::uint32_t slot = ready.data.u32;
    if ((ready.events & EPOLLOUT) != 0) return ask(slot);
    // A second read is worth while only if it is to find the end.
    const bool is_last = (ready.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    for (;;) {
      const auto got = ::recv(sockets_[slot].get(), buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return end(slot, got == 0);
      bytes_ += static_cast<std::uint64_t>(got);
      if (!is_last) return;
    }
  }

  void end(std::uint32_t slot, bool is_whole) {
    failed_ += is_whole ? 0 : 1;
    --to_end_;
    sockets_[slot].reset();
    start(slot);
  }

  void ask(std::uint32_t slot) {
    const int socket = sockets_[slot].get();
    static_cast<void>(::send(socket, request_.data(), request_.size(), MSG_NOSIGNAL));
    epoll_event event{};
    event.events = to_read;
    event.data.u32 = slot;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket, &event);
  }

  sockaddr_in server_;
  std::size_t to_start_;
  std::size_t to_end_;
  std::string request_;
  base::Fd epoll_ = new_epoll();
  std::vector<base::Fd> sockets_;
  std::vector<char> buffer_ = std::vector<char>(read_size);
  std::uint64_t bytes_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-fetch-floor", [&] {
    if (argc < 4 || argc > 5) {
      std::cerr << "usage: bench-fetch-floor PORT COUNT PARALLEL [REQUEST]\n";
      return static_cast<int>(poetry::cli::exit_usage);
    }
    poetry::net::raise_descriptor_limit();
    const auto port = poetry::base::parse_count(argv[1], "bad port", 1, 65535);
    const auto count = poetry::base::parse_count(argv[2], "bad count", 1, UINT32_MAX);
    const auto parallel = poetry::base::parse_count(argv[3], "bad parallel", 1, UINT32_MAX);
    const poetry::base::TimePoint start = poetry::base::Clock::now();
    poetry::bench::Fetches fetches(static_cast<unsigned>(port), count, argc > 4 ? argv[4] : "");
    fetches.run(parallel);
    std::cout << "{\"elapsed_s\": " << poetry::base::seconds(poetry::base::Clock::now() - start)
              << ", \"bytes\": " << fetches.bytes() << ", \"failed\": " << fetches.failed()
              << "}\n";
    return static_cast<int>(poetry::cli::exit_ok);
  });
}
