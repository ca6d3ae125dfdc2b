// The load: holds CLIENTS connections to a paced server and says how late every line arrived.
//
// Line k of a client, from 1, is due at the moment before its connect(2) plus k * DELAY: a schedule
// that the server cannot shift. A line has arrived when the kernel received it for the client
// (SO_TIMESTAMPNS, socket(7)), so that this program being slow does not count as the server's
// lateness. The clock is the one of those stamps, CLOCK_REALTIME; a step of it spoils a run.
//
// Prints "ready SECONDS" once every client has got a line, SECONDS after the first connect; then
// waits for a line on standard input, measures for SECONDS, writes the lateness of each line in
// microseconds to SAMPLES (int32, native order) and prints one JSON object. Ends when standard
// input does.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "base/clock.hpp"
#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "drift.hpp"
#include "loopback.hpp"
#include "net/limits.hpp"

namespace poetry::bench {
namespace {

using Nanoseconds = std::int64_t;  // since the epoch of CLOCK_REALTIME

Nanoseconds nanoseconds(const timespec& time) {
  return Nanoseconds{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

struct Plan {
  unsigned first_port;
  unsigned ports;  // clients go round them
  std::size_t clients;
  double rate;  // connects a second; 0 is as fast as it goes
  Nanoseconds delay;
  Nanoseconds window;
  std::string source;  // the address to connect from, for an ephemeral port has to be left at it
  std::string samples;
};

struct Client {
  base::Fd socket;
  Nanoseconds start = 0;
  std::int64_t lines = 0;
  Drift drift;
};

/// What one read(2) brought: how many lines, and when the last of them arrived.
struct Arrival {
  std::int64_t lines = 0;
  Nanoseconds at = 0;
};

constexpr std::uint32_t standard_input = UINT32_MAX;

class Load {
 public:
  explicit Load(Plan plan) : plan_(std::move(plan)) {
    clients_.reserve(plan_.clients);
    watch(epoll_.get(), STDIN_FILENO, EPOLLIN, standard_input);
  }

  void run() {
    start_ = now();
    while (served_ < plan_.clients) {
      connect_due();
      turn(until_next_connect());
      if (now() > start_ + longest_start()) throw std::runtime_error("not every client got a line");
    }
    std::cout << "ready " << static_cast<double>(now() - start_) / 1e9 << std::endl;
    while (!asked_) turn(-1);
    opened_ = now();
    const Nanoseconds end = opened_ + plan_.window;
    for (Nanoseconds left = plan_.window; left > 0; left = end - now()) {
      turn(static_cast<int>(left / 1'000'000 + 1));
    }
    report();
    while (true) turn(-1);  // until the server's processor time has been read
  }

 private:
  void connect_due() {
    const double elapsed = static_cast<double>(now() - start_) / 1e9;
    // A few at a time even if all are due: what arrives meanwhile should be read, too.
    std::size_t due = clients_.size() + connects_a_turn;
    if (plan_.rate > 0) due = std::min(due, static_cast<std::size_t>(elapsed * plan_.rate) + 1);
    for (due = std::min(due, plan_.clients); clients_.size() < due;) connect_one();
  }

  void connect_one() {
    const auto number = static_cast<std::uint32_t>(clients_.size());
    const sockaddr_in server = loopback("127.0.0.1", plan_.first_port + number % plan_.ports);
    const sockaddr_in source = loopback(plan_.source, 0);
    Client client;
    client.socket = stream_socket();
    const int socket = client.socket.get();
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    // So that thousands of ports are free again at once.
    const linger reset{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (::bind(socket, as_sockaddr(source), sizeof source) < 0)
      base::throw_errno("bind", plan_.source);
    client.start = now();
    if (::connect(socket, as_sockaddr(server), sizeof server) < 0 && errno != EINPROGRESS) {
      base::throw_errno("connect to", std::to_string(ntohs(server.sin_port)));
    }
    watch(epoll_.get(), socket, EPOLLIN, number);
    clients_.push_back(std::move(client));
  }

  /// What a server may take to serve everybody once, which is far more than it should.
  Nanoseconds longest_start() const {
    const double ramp = plan_.rate > 0 ? static_cast<double>(plan_.clients) / plan_.rate : 0;
    return static_cast<Nanoseconds>((ramp + 30) * 1e9) + 2 * plan_.delay;
  }

  int until_next_connect() const {
    if (clients_.size() == plan_.clients) return 1000;
    return plan_.rate > 0 ? 1 : 0;
  }

  void turn(int timeout_ms) {
    const int count = ::epoll_wait(epoll_.get(), events_.data(), events_.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const std::uint32_t tag = events_[i].data.u32;
      tag == standard_input ? read_command() : read_lines(clients_[tag]);
    }
  }

  void read_command() {
    std::array<char, 64> buffer{};
    if (::read(STDIN_FILENO, buffer.data(), buffer.size()) <= 0) ::_exit(cli::exit_ok);
    asked_ = true;
  }

  void read_lines(Client& client) {
    const Arrival arrival = receive(client.socket.get());
    for (std::int64_t i = 0; i < arrival.lines; ++i) {
      served_ += ++client.lines == 1 ? 1 : 0;
      if (opened_ == 0 || arrival.at < opened_) continue;
      const Nanoseconds late = arrival.at - client.start - client.lines * plan_.delay;
      samples_.push_back(static_cast<std::int32_t>(late / 1000));
      client.drift.add(static_cast<double>(client.lines), static_cast<double>(late));
    }
  }

  static Arrival receive(int socket) {
    std::array<char, 4096> bytes;  // read into, so not to be cleared first
    alignas(cmsghdr) std::array<char, 64> control;
    iovec buffer{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &buffer;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(socket, &message, 0);
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0) base::throw_errno("read from", "the server");
    if (got == 0) throw std::runtime_error("the server ended a connection");
    Arrival arrival{std::count(bytes.data(), bytes.data() + got, '\n'), 0};
    const cmsghdr* stamp = CMSG_FIRSTHDR(&message);
    if (stamp == nullptr) throw std::runtime_error("no time stamp from the kernel");
    timespec time{};
    std::copy_n(CMSG_DATA(stamp), sizeof time, reinterpret_cast<unsigned char*>(&time));
    arrival.at = nanoseconds(time);
    return arrival;
  }

  void report() const {
    std::ofstream(plan_.samples, std::ios::binary)
        .write(reinterpret_cast<const char*>(samples_.data()),
               static_cast<std::streamsize>(samples_.size() * sizeof samples_[0]));
    Slope slope;
    for (const Client& client : clients_) slope.add(client.drift);
    std::cout << "{\"lines\": " << samples_.size() << ", \"slope_over\": " << slope.over()
              << ", \"slope_under\": " << slope.under() << "}" << std::endl;
  }

  static constexpr std::size_t connects_a_turn = 16;

  Plan plan_;
  base::Fd epoll_ = new_epoll();
  std::vector<Client> clients_;
  std::vector<std::int32_t> samples_;  // microseconds
  std::array<epoll_event, 512> events_{};
  std::size_t served_ = 0;  // clients that got a line
  bool asked_ = false;
  Nanoseconds start_ = 0;
  Nanoseconds opened_ = 0;  // when measuring began; 0 is not yet
};

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-hold", [&] {
    if (argc != 9) {
      std::cerr << "usage: bench-hold PORT PORTS CLIENTS RATE DELAY SECONDS SOURCE SAMPLES\n";
      return static_cast<int>(poetry::cli::exit_usage);
    }
    poetry::net::raise_descriptor_limit();
    const auto count = [](const char* text, std::uint64_t min) {
      return poetry::base::parse_count(text, "bad number", min, UINT16_MAX);
    };
    poetry::bench::Load({static_cast<unsigned>(count(argv[1], 1)),
                         static_cast<unsigned>(count(argv[2], 1)), count(argv[3], 1),
                         static_cast<double>(count(argv[4], 0)),
                         poetry::base::parse_duration(argv[5]).count(),
                         poetry::base::parse_duration(argv[6]).count(), argv[7], argv[8]})
        .run();
    return static_cast<int>(poetry::cli::exit_ok);
  });
}
