// The floor of a paced server: raw epoll on the listener, one queue of due lines, one send a line,
// and nothing else. All clients have one delay, so that a queue in order of arrival is in order of
// time. Line k, from 1, is due at accept + k * delay; the last one is followed by FIN.

#include <algorithm>
#include <cerrno>
#include <deque>
#include <iostream>

#include "base/clock.hpp"
#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "loopback.hpp"
#include "net/limits.hpp"

namespace poetry::bench {
namespace {

constexpr std::string_view line = "And all the air a stillness h\n";

struct Client {
  base::TimePoint due;
  base::Fd socket;
  std::uint32_t left;  // lines
};

struct Pace {
  base::Duration delay;
  base::Duration tick;  // deadlines are rounded up to its multiples
  std::uint32_t lines;  // for each client
};

/// Until the tick in which the first line is due, in ms rounded up; -1 is for ever.
int timeout_ms(const std::deque<Client>& queue, base::Duration tick) {
  if (queue.empty()) return -1;
  const auto ticks = (queue.front().due.time_since_epoch() + tick - base::Duration(1)) / tick;
  const base::Duration wait = ticks * tick - base::Clock::now().time_since_epoch();
  return static_cast<int>(std::max(std::chrono::ceil<std::chrono::milliseconds>(wait).count(),
                                   std::chrono::milliseconds::rep{0}));
}

void serve_due_lines(std::deque<Client>& queue, const Pace& pace) {
  const base::TimePoint now = base::Clock::now();
  while (!queue.empty() && queue.front().due <= now) {
    Client client = std::move(queue.front());
    queue.pop_front();
    const auto sent = ::send(client.socket.get(), line.data(), line.size(), MSG_NOSIGNAL);
    if ((sent < 0 && errno != EAGAIN) || --client.left == 0) continue;
    client.due += pace.delay;
    queue.push_back(std::move(client));
  }
}

[[noreturn]] void serve(unsigned port, const Pace& pace) {
  const base::Fd listener = listen_on_loopback(port);
  const base::Fd epoll = new_epoll();
  watch(epoll.get(), listener.get(), EPOLLIN, 0);
  std::deque<Client> queue;
  for (;;) {
    epoll_event event{};
    ::epoll_wait(epoll.get(), &event, 1, timeout_ms(queue, pace.tick));
    serve_due_lines(queue, pace);
    while (base::Fd socket = accept_next(listener.get())) {
      queue.push_back({base::Clock::now() + pace.delay, std::move(socket), pace.lines});
    }
  }
}

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-paced-floor", [&] {
    if (argc != 5) {
      std::cerr << "usage: bench-paced-floor PORT DELAY TICK LINES\n";
      return static_cast<int>(poetry::cli::exit_usage);
    }
    poetry::net::raise_descriptor_limit();
    const auto port = poetry::base::parse_count(argv[1], "bad port", 1, 65535);
    poetry::bench::serve(
        static_cast<unsigned>(port),
        {poetry::base::parse_duration(argv[2]), poetry::base::parse_duration(argv[3]),
         static_cast<std::uint32_t>(
             poetry::base::parse_count(argv[4], "bad number of lines", 1, UINT32_MAX))});
  });
}
