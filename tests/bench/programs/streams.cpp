// The load: holds STREAMS streams of Server-Sent Events (/events of poetry-sync) and says how late
// each event came: from the record's "created", which the server's database wrote in the
// transaction that the event tells of, to the moment this program read it.
//
// streams PORT STREAMS SECONDS
//
// Prints "ready" once every stream has been told of all records; then measures for SECONDS, or
// until standard input ends, and prints one JSON object with the events that came and their
// latencies in milliseconds.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iostream>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "loopback.hpp"
#include "net/limits.hpp"

namespace poetry::bench {
namespace {

constexpr std::uint32_t standard_input = UINT32_MAX;
constexpr std::string_view begins = "event: record\n";
constexpr std::string_view all_records = "event: records\n";
constexpr std::string_view ends = "\n\n";
constexpr std::string_view created = "\"created\":\"";
constexpr std::size_t time_size = 24;  // 2026-01-31T12:00:00.000Z

double now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

int number(std::string_view text, std::size_t at, std::size_t digits) {
  return static_cast<int>(base::parse_count(text.substr(at, digits), "time", 0, 9999));
}

/// Of "2026-01-31T12:00:00.000Z", since 1970.
double parse_time_ms(std::string_view text) {
  std::tm time{};
  time.tm_year = number(text, 0, 4) - 1900;
  time.tm_mon = number(text, 5, 2) - 1;
  time.tm_mday = number(text, 8, 2);
  time.tm_hour = number(text, 11, 2);
  time.tm_min = number(text, 14, 2);
  time.tm_sec = number(text, 17, 2);
  return static_cast<double>(::timegm(&time)) * 1e3 + number(text, 20, 3);
}

struct Stream {
  base::Fd socket;
  std::string unread;  // of an event that has not come whole
  bool ready = false;
};

class Load {
 public:
  Load(unsigned port, std::size_t streams, double seconds) : port_(port), seconds_(seconds) {
    streams_.resize(streams);
    watch(epoll_.get(), STDIN_FILENO, EPOLLIN, standard_input);
  }

  void run() {
    for (std::size_t i = 0; i < streams_.size(); ++i) open(i);
    while (ready_ < streams_.size()) turn(1000);
    std::cout << "ready" << std::endl;
    latencies_.clear();
    const double until = now_ms() + seconds_ * 1e3;
    for (double now = now_ms(); now < until && !over_; now = now_ms()) {
      turn(static_cast<int>(until - now) + 1);
    }
    report();
  }

 private:
  void open(std::size_t index) {
    auto& stream = streams_[index];
    stream.socket = stream_socket();
    const auto address = loopback("127.0.0.1", port_);
    if (::connect(stream.socket.get(), as_sockaddr(address), sizeof address) < 0 &&
        errno != EINPROGRESS) {
      base::throw_errno("connect to", std::to_string(port_));
    }
    watch(epoll_.get(), stream.socket.get(), EPOLLOUT, static_cast<std::uint32_t>(index));
    while (opened_ <= index) turn(1000);  // one after the other: the backlog is the server's
  }

  void turn(int timeout_ms) {
    std::array<epoll_event, 512> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    if (count < 0 && errno != EINTR) base::throw_errno("wait for", "streams");
    for (int i = 0; i < count; ++i) {
      const auto& event = events.at(static_cast<std::size_t>(i));
      if (event.data.u32 == standard_input) {
        over_ = true;
      } else if ((event.events & EPOLLOUT) != 0) {
        ask(event.data.u32);
      } else {
        read(streams_[event.data.u32]);
      }
    }
  }

  void ask(std::uint32_t index) {
    auto& stream = streams_[index];
    const auto text =
        "GET /events HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\n\r\n";
    if (::send(stream.socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
      base::throw_errno("send to", std::to_string(port_));
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = index;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, stream.socket.get(), &event);
    ++opened_;
  }

  void read(Stream& stream) {
    const auto size = ::read(stream.socket.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) throw std::runtime_error("the server has ended a stream");
    const double now = now_ms();
    stream.unread.append(buffer_.data(), static_cast<std::size_t>(size));
    std::string_view text = stream.unread;
    for (auto end = text.find(ends); end != std::string_view::npos; end = text.find(ends)) {
      take(stream, text.substr(0, end + 1), now);
      text.remove_prefix(end + ends.size());
    }
    stream.unread.erase(0, stream.unread.size() - text.size());
  }

  void take(Stream& stream, std::string_view event, double now) {
    if (event.find(all_records) != std::string_view::npos && !stream.ready) {
      stream.ready = true;
      ++ready_;
    }
    const auto at = event.find(created);
    if (event.find(begins) == std::string_view::npos || at == std::string_view::npos) return;
    latencies_.push_back(now - parse_time_ms(event.substr(at + created.size(), time_size)));
  }

  void report() {
    std::sort(latencies_.begin(), latencies_.end());
    const auto quantile = [this](double share) {
      if (latencies_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_.size() - 1);
      return latencies_[static_cast<std::size_t>(share * last)];
    };
    std::cout << "{\"events\": " << latencies_.size() << ", \"p50_ms\": " << quantile(0.5)
              << ", \"p99_ms\": " << quantile(0.99) << ", \"max_ms\": " << quantile(1) << "}"
              << std::endl;
  }

  const unsigned port_;
  const double seconds_;
  base::Fd epoll_ = new_epoll();
  std::vector<Stream> streams_;
  std::size_t opened_ = 0;
  std::size_t ready_ = 0;
  bool over_ = false;
  std::vector<double> latencies_;
  std::array<char, 1 << 16> buffer_{};
};

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-streams", [argc, argv]() -> int {
    if (argc != 4) throw poetry::base::UsageError("usage", "bench-streams PORT STREAMS SECONDS");
    poetry::net::raise_descriptor_limit();
    poetry::bench::Load load(
        static_cast<unsigned>(poetry::base::parse_count(argv[1], "port", 1, 65535)),
        poetry::base::parse_count(argv[2], "streams", 1, 1'000'000), std::stod(argv[3]));
    load.run();
    return poetry::cli::exit_ok;
  });
}
