// The load: holds CLIENTS connections to a paced server and says how late every line arrived.
//
// Line k of a client, from 0, is due FIRST + k * DELAY after the moment before its connect(2): a
// schedule that the server cannot shift. A line has arrived when the kernel received it for the
// client (SO_TIMESTAMPNS, socket(7)), so that this program being slow does not count as the
// server's lateness. That is why it may rest between its turns, and takes little of the processors
// that it shares with the server. The clock is the one of those stamps, CLOCK_REALTIME; a step of
// it spoils a run.
//
// What it connects from begins with the address SOURCE, and goes on to the next one, as an address
// has 28,232 ports, of which the last are found slowly. Who loses its connection gets another one.
// It does what lines on standard input say, and ends when that does:
//
//   wait             "ready SECONDS" once every client has got a line, SECONDS after the word
//   measure SECONDS  the lateness of each line until then in microseconds in the file SAMPLES
//   (int32,
//                    native order), and one JSON object
//   leave            who loses its connection gets no other one
//   count            "held CLIENTS"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
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
  Nanoseconds first;  // how long after a client's arrival its first line is due
  std::string source;
  std::string samples;
};

struct Client {
  base::Fd socket;
  Nanoseconds start = 0;
  std::int64_t lines = 0;  // of this connection
  Drift drift;
};

/// What one read(2) brought: how many lines, and when the last of them arrived.
struct Arrival {
  std::int64_t lines = 0;
  Nanoseconds at = 0;
  bool ended = false;
};

constexpr std::uint32_t standard_input = UINT32_MAX;

Nanoseconds nanoseconds(double seconds) { return static_cast<Nanoseconds>(seconds * 1e9); }

class Load {
 public:
  explicit Load(Plan plan)
      : plan_(std::move(plan)), source_(loopback(plan_.source, 0)), clients_(plan_.clients) {
    watch(epoll_.get(), STDIN_FILENO, EPOLLIN, standard_input);
    for (std::size_t i = clients_.size(); i > 0; --i)
      absent_.push_back(static_cast<std::uint32_t>(i - 1));
  }

  /// Until standard input ends.
  [[noreturn]] void run() {
    for (;;) {
      const auto word = next_word();
      if (word == "wait") wait_for_all();
      if (word == "leave") leaving_ = true;
      if (word == "count") std::cout << "held " << clients_.size() - absent_.size() << std::endl;
      if (word.starts_with("measure ")) measure(nanoseconds(std::stod(word.substr(8))));
    }
  }

 private:
  /// Clients are held meanwhile.
  std::string next_word() {
    while (input_.find('\n') == std::string::npos) turn(began_ ? next_turn() : -1);
    const auto end = input_.find('\n');
    auto word = input_.substr(0, end);
    input_.erase(0, end + 1);
    return word;
  }

  void wait_for_all() {
    const auto start = now();
    began_ = true;
    while (served_ < clients_.size()) {
      turn(next_turn());
      if (now() > start + longest_start()) throw std::runtime_error("not every client got a line");
    }
    std::cout << "ready " << static_cast<double>(last_served_ - start) / 1e9 << std::endl;
  }

  void measure(Nanoseconds window) {
    samples_.clear();
    for (auto& client : clients_) client.drift = {};
    lost_ = 0;
    opened_ = now();
    for (auto left = window; left > 0; left = opened_ + window - now())
      turn(std::min(next_turn(), static_cast<int>(left / 1'000'000 + 1)));
    report();
    opened_ = 0;
  }

  /// What a server may take to serve everybody once, which is far more than it should.
  [[nodiscard]] Nanoseconds longest_start() const {
    const auto ramp = plan_.rate > 0 ? static_cast<double>(plan_.clients) / plan_.rate : 0;
    return nanoseconds(2 * ramp + 60) + plan_.first + plan_.delay;
  }

  [[nodiscard]] bool connects() const { return !absent_.empty() && !leaving_; }

  /// In milliseconds. Few connect at a time, as a server would else have to take them at once.
  [[nodiscard]] int next_turn() const {
    if (!connects()) return 1000;
    return plan_.rate > 0 ? std::max(1, static_cast<int>(3000 / plan_.rate)) : 0;
  }

  void turn(int timeout_ms) {
    if (began_ && connects()) connect_due();
    const int count = ::epoll_wait(epoll_.get(), events_.data(), events_.size(), timeout_ms);
    bool told = false;
    for (int i = 0; i < count; ++i) {
      const std::uint32_t tag = events_[i].data.u32;
      told = told || tag == standard_input;
      tag == standard_input ? read_command() : read_lines(tag);
    }
    if (told || (connects() && plan_.rate == 0)) return;
    const auto rest = connects() ? std::min(rest_, nanoseconds(3 / plan_.rate)) : rest_;
    std::this_thread::sleep_for(base::Duration(rest));
  }

  void connect_due() {
    const auto at = now();
    // A few at a time even if all are due: what arrives meanwhile should be read, too.
    for (std::size_t i = 0; i < connects_a_turn && connects(); ++i) {
      if (plan_.rate > 0 && next_connect_ > at) return;
      // A server whose backlog is full forgets clients who take themselves for connected.
      if (plan_.first == 0 && clients_.size() - absent_.size() - served_ >= most_unserved) return;
      const auto late = at - nanoseconds(0.1);  // who was held up does not make up for all of it
      if (plan_.rate > 0)
        next_connect_ = std::max(next_connect_, late) + nanoseconds(1 / plan_.rate);
      const auto number = absent_.back();
      absent_.pop_back();
      connect(number);
    }
  }

  void connect(std::uint32_t number) {
    const sockaddr_in server = loopback("127.0.0.1", plan_.first_port + number % plan_.ports);
    auto source = source_;
    source.sin_addr.s_addr = htonl(ntohl(source.sin_addr.s_addr) + number / clients_an_address);
    Client& client = clients_[number];
    client.lines = 0;
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
  }

  void read_command() {
    std::array<char, 64> buffer{};
    const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) ::_exit(cli::exit_ok);
    input_.append(buffer.data(), static_cast<std::size_t>(count));
  }

  void read_lines(std::uint32_t number) {
    Client& client = clients_[number];
    const Arrival arrival = receive(client.socket.get());
    for (std::int64_t i = 0; i < arrival.lines; ++i, ++client.lines) {
      if (client.lines == 0) {
        ++served_;
        last_served_ = arrival.at;
      }
      if (opened_ == 0 || arrival.at < opened_) continue;
      const auto late = arrival.at - client.start - plan_.first - client.lines * plan_.delay;
      samples_.push_back(static_cast<std::int32_t>(late / 1000));
      client.drift.add(static_cast<double>(client.lines), static_cast<double>(late));
    }
    if (!arrival.ended) return;
    ++lost_;
    served_ -= client.lines > 0 ? 1 : 0;
    client.socket.reset();
    absent_.push_back(number);
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
    if (got <= 0) return {0, 0, true};
    Arrival arrival{std::count(bytes.data(), bytes.data() + got, '\n'), 0, false};
    const cmsghdr* stamp = CMSG_FIRSTHDR(&message);
    timespec time{};
    if (stamp == nullptr) {  // as of a packet that came while it began to make them
      ::clock_gettime(CLOCK_REALTIME, &time);
    } else {
      std::copy_n(CMSG_DATA(stamp), sizeof time, reinterpret_cast<unsigned char*>(&time));
    }
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
              << ", \"slope_under\": " << slope.under() << ", \"lost\": " << lost_ << "}"
              << std::endl;
  }

  static constexpr std::size_t connects_a_turn = 16;
  static constexpr std::size_t most_unserved = 64;
  static constexpr std::uint32_t clients_an_address = 5000;

  Plan plan_;
  sockaddr_in source_;
  base::Fd epoll_ = new_epoll();
  std::vector<Client> clients_;
  std::vector<std::uint32_t> absent_;  // clients that are to connect
  Nanoseconds next_connect_ = 0;
  // More are read at a time then, yet not two lines of one client, which have one stamp.
  Nanoseconds rest_ = std::min<Nanoseconds>(plan_.delay / 4, 10'000'000);
  std::vector<std::int32_t> samples_;  // microseconds
  std::array<epoll_event, 512> events_{};
  std::string input_;
  std::size_t served_ = 0;  // clients that got a line
  Nanoseconds last_served_ = 0;
  std::size_t lost_ = 0;  // connections that ended while they were measured
  bool began_ = false;    // to connect
  bool leaving_ = false;
  Nanoseconds opened_ = 0;  // when measuring began; 0: it is not done
};

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-hold", [&] {
    if (argc != 9) {
      std::cerr << "usage: bench-hold PORT PORTS CLIENTS RATE DELAY FIRST SOURCE SAMPLES\n";
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
