// The floor of a server of short poems: accept, one send, close. A client that has sent something
// may lose the poem's end, which no real server can allow itself; these clients send nothing.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/quantity.hpp"
#include "cli/main.hpp"
#include "loopback.hpp"

namespace poetry::bench {
namespace {

[[noreturn]] void serve(unsigned port, const std::string& poem) {
  const base::Fd listener = listen_on_loopback(port);
  const base::Fd epoll = new_epoll();
  watch(epoll.get(), listener.get(), EPOLLIN, 0);
  for (;;) {
    epoll_event event{};
    ::epoll_wait(epoll.get(), &event, 1, -1);
    while (const base::Fd socket = accept_next(listener.get())) {
      // The poem is far smaller than a send buffer, and is taken whole.
      static_cast<void>(::send(socket.get(), poem.data(), poem.size(), MSG_NOSIGNAL));
    }
  }
}

std::string read_poem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) base::throw_errno("open", path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace
}  // namespace poetry::bench

int main(int argc, char** argv) {
  return poetry::cli::guarded_main("bench-poem-floor", [&] {
    if (argc != 3) {
      std::cerr << "usage: bench-poem-floor PORT FILE\n";
      return static_cast<int>(poetry::cli::exit_usage);
    }
    const auto port = poetry::base::parse_count(argv[1], "bad port", 1, 65535);
    poetry::bench::serve(static_cast<unsigned>(port), poetry::bench::read_poem(argv[2]));
  });
}
